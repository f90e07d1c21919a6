"""What a hostile API does with a correct response: one row is a name and a change of the response.

The planted values are a key and personal data. They are put where an output could show them.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tests.http.hostile.behaviours import whole

KEY = "apik_Planted7Key_x9QmZ3vLw8RtB2nC"
EMAIL = "eve.planted@private.example"
CARD = "4242424242424242"
PERSON = "Evelyn Plantedsson"
PERSONAL = (EMAIL, CARD, PERSON)

Change = Callable[[Any, bytes], bytes]
"""Returns the bytes of the response, from the value of the correct one and the head of the request."""


def sends(value: Any, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a response with the JSON of `value`; a string is sent as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return whole(text.encode("utf-8", "surrogatepass"), b"Content-Type: application/json", *headers, status=status)


def items(value: Any) -> list[dict[str, Any]]:
    """Return the items of a page, or the object itself."""
    data = value.get("data") if isinstance(value, dict) else None
    found = data if isinstance(data, list) else [value]
    return [item for item in found if isinstance(item, dict)]


def broken(value: Any) -> Any:
    """Break the contract in every item, so that no behaviour may end with 0."""
    for item in items(value):
        item["created_at"] = PERSON
        item["id"] = 7
    return value


def field(content: Any, name: str = "id") -> Change:
    """Put `content` into a documented field of every item."""

    def change(value: Any, _: bytes) -> bytes:
        broken(value)
        for item in items(value):
            item[name] = content
        return sends(value)

    return change


def raw_number(text: str) -> Change:
    """Put the literal `text` into a field, which no JSON library would write."""

    def change(value: Any, _: bytes) -> bytes:
        broken(value)
        for item in items(value):
            item["created_at"] = "@number@"
        return sends(json.dumps(value).replace('"@number@"', text))

    return change


def names(*given: str, content: Any = PERSON) -> Change:
    """Add undocumented fields with these names to every item."""

    def change(value: Any, _: bytes) -> bytes:
        broken(value)
        for item in items(value):
            item.update(dict.fromkeys(given, content))
            item["metadata"] = dict.fromkeys(given, content)
        return sends(value)

    return change


def nested(*steps: str) -> Change:
    """Add an object that nests once for each of `steps`."""

    def change(value: Any, _: bytes) -> bytes:
        broken(value)
        inside: Any = PERSON
        for step in reversed(steps):
            inside = {step: inside}
        for item in items(value):
            item.update(inside)
        return sends(value)

    return change


def header(*lines: bytes, status: bytes = b"200 OK") -> Change:
    return lambda value, _: sends(broken(value), *lines, status=status)


def typed(media_type: str) -> Change:
    """Send the correct JSON with another Content-Type."""
    return lambda value, _: whole(json.dumps(broken(value)).encode(), b"Content-Type: " + media_type.encode())


def error(status: str, kind: Any = "not_found", message: Any = PERSON) -> Change:
    body = {"error": {"type": kind, "message": message, "param": kind}}
    return lambda value, _: sends(body, status=status.encode())


def page(**info: Any) -> Change:
    """Change `page_info` of every list."""

    def change(value: Any, _: bytes) -> bytes:
        if isinstance(value, dict) and isinstance(value.get("page_info"), dict):
            value["page_info"].update(info)
        return sends(broken(value))

    return change


def whole_value(make: Callable[[Any], Any]) -> Change:
    return lambda value, _: sends(make(value))


def repeated(count: int) -> Change:
    """Repeat the first item `count` times."""

    def change(value: Any, _: bytes) -> bytes:
        broken(value)
        if isinstance(value, dict) and value.get("data"):
            value["data"] = [value["data"][0]] * count
        return sends(value)

    return change


def echo(written: Callable[[str], str]) -> Change:
    """Give the key back as a value, as a name, in an error and in a header."""

    def change(value: Any, head: bytes) -> bytes:
        broken(value)
        for item in items(value):
            item["title"] = item["description"] = [written(KEY)]
            item[written(KEY)] = {written(KEY): 1}
        text = json.dumps(value).replace("\\\\u", "\\u")
        return sends(text, b"X-Request-Id: " + written(KEY).encode(), b"Warning: 299 - " + written(KEY).encode())

    return change


def _split_key(value: Any, _: bytes) -> bytes:
    broken(value)
    for item in items(value):
        item[KEY[:11]] = {KEY[11:22]: {KEY[22:]: 1}}
    return sends(value)


def _echo_everything(value: Any, head: bytes) -> bytes:
    return sends({"error": {"type": head.decode("latin-1"), "message": head.decode("latin-1")}}, status=b"400 Bad")


def _shuffled(value: Any, head: bytes) -> bytes:
    random.shuffle(value["data"]) if isinstance(value, dict) and isinstance(value.get("data"), list) else None
    return sends(broken(value))


def _new_cursor(value: Any, _: bytes) -> bytes:
    """Promise another page after every page, with a cursor that was never sent before."""
    if isinstance(value, dict) and isinstance(value.get("page_info"), dict):
        value["page_info"].update(has_next_page=True, end_cursor=f"c{random.getrandbits(60)}")
    return sends(broken(value))


def _each_item(make: Callable[[int], Mapping[str, Any]], count: int) -> Change:
    """Send `count` copies of the first item, each with other fields."""

    def change(value: Any, _: bytes) -> bytes:
        first = next(iter(items(broken(value))), {})
        return sends({**value, "data": [{**first, **make(number)} for number in range(count)]})

    return change


SHOWN = (
    "\x1b[2J\x1b]0;owned\x07",
    "\u202e\u2066evil\u2069",
    "act\u200bive",
    "\ufeffpaid",
    "a\r\n::error::x",
    "\x9b31m",
)
"""Values that change what a terminal or a log shows."""


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "in upper case": str.upper,
    "in JSON escapes": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "in URL escapes": lambda text: "".join(f"%{ord(one):02X}" for one in text),
    "in HTML escapes": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "in Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in Base64 of the header": lambda text: base64.b64encode(f"Bearer {text}".encode()).decode(),
    "in Base64 for URLs": lambda text: base64.urlsafe_b64encode(f"..{text}".encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "with spaces": lambda text: " ".join(text),
    "quoted": lambda text: quote(text, safe="").replace("_", "%5F"),
}

COMMANDS = ("::add-mask::x", "::stop-commands::y", "##[error]z", "@octocat", "\x1b]0;title\x07\x1b[2J", "\u202etxt")

CHANGES: Mapping[str, Change] = {
    # values
    "an amount of 309 digits": raw_number("9" * 309),
    "an amount of 4,000 digits": raw_number("1" * 4000),
    "a fraction of 1e400": raw_number("1e400"),
    "minus zero": raw_number("-0.0"),
    "a fraction of 400 places": raw_number("0." + "3" * 400),
    "NaN": raw_number("NaN"),
    "Infinity": raw_number("-Infinity"),
    "a number with a leading zero": raw_number("007"),
    "an integer beyond 64 bits": raw_number(str(2**64)),
    "the year 99999": field("99999-12-31T23:59:59Z", "created_at"),
    "the year 0": field("0000-00-00T00:00:00Z", "created_at"),
    "the second 61": field("2026-01-01T00:00:61Z", "created_at"),
    "an offset of 99 hours": field("2026-01-01T00:00:00+99:00", "created_at"),
    "a lone surrogate": raw_number('"\\ud800"'),
    "a surrogate pair in reverse": raw_number('"\\udc00\\ud800"'),
    "zero bytes": field("\0\0\0"),
    "an id of 2 MB": field("x" * 2**21),
    "an id with a slash": field("user_a/b"),
    "an id with dots": field("../../admin"),
    "an id with a semicolon": field("user_a;b=c"),
    "an id with a percent sign": field("user_%2e%2e%2f"),
    "an id with a query": field("user_a?b=c#d"),
    "an id with line breaks": field("user_a\r\nX-Evil: 1"),
    "an id that is empty": field(""),
    "an id that is a space": field(" "),
    "an id that is an e-mail address": field(EMAIL),
    "an id that is a card number": field(CARD),
    "an id that is an object": field({"id": {"id": EMAIL}}),
    "an id that is a list": field([[[[EMAIL]]]]),
    "an id that is true": field(True),
    "an id that is the key": field(KEY),
    "an id with a host": field("@evil.example/user_a"),
    "an id with a backslash": field("user_\\..\\a"),
    "an id of bidirectional text": field("user_\u202e\u2066abc"),
    "a status that is a person": field(PERSON, "status"),
    "a status that is an e-mail address": field(EMAIL, "status"),
    "a status of 1 MB": field("s" * 2**20, "status"),
    "a status that is a command": field("::error::x", "status"),
    "an object in place of text": field({EMAIL: CARD}, "title"),
    "a status for a terminal": field("".join(SHOWN), "status"),
    **{f"a status with invisible letters, {number}": field(text, "status") for number, text in enumerate(SHOWN)},
    "10,000 statuses": _each_item(lambda number: {"status": f"status_{number}"}, 10_000),
    "1,000 types of one field": _each_item(
        lambda number: {"title": [[number], {f"a{number}": 1}, number][number % 3]}, 1000
    ),
    "one id for all items": _each_item(lambda number: {"id": "prod_same"}, 100),
    "ids that differ in case": _each_item(lambda number: {"id": "pRoD_" + ("a" if number % 2 else "A") * 9}, 100),
    "ids of invisible letters": _each_item(lambda number: {"id": "prod_" + "\u200b" * number}, 100),
    "an id that is a curl option": field("-o/etc/passwd --config /tmp/x"),
    "an id that is a command": field("$(touch /tmp/owned)`id`';rm -rf ~;'"),
    "an id that is a formula": field("=cmd|' /C calc'!A0"),
    "an id that is a template": field("{{7*7}}${7*7}#{7*7}<%= 7 %>"),
    "an id that is a URL": field("https://user:" + KEY + "@evil.example/#" + KEY),
    "the key in a fragment": field("https://cdn.example/a#access_token=" + KEY, "title"),
    "a date of 30 digits": raw_number(str(10**30)),
    "a date that is a list of dates": field(["2026-01-01T00:00:00Z"] * 10_000, "created_at"),
    "a total that is infinite": page(total_count=10**400, has_next_page=True),
    # names
    "a field called as an e-mail address": names(EMAIL),
    "a field called as a card number": names(CARD),
    "a field called as a person": names(PERSON),
    "300 fields called as e-mail addresses": names(*(f"{number}.{EMAIL}" for number in range(300))),
    "1,900 fields called as numbers": names(*map(str, range(10**15, 10**15 + 1900))),
    "a field with a name of 1 MB": names("n" * 2**20),
    "a field without a name": names(""),
    "a field called as a path": names("../../etc/passwd", "a/b~c"),
    "a field called as a command": names(*COMMANDS),
    "a field called as HTML": names("<script>alert(1)</script>", "</textarea><img src=x>"),
    "a field called as Markdown": names("[a](https://evil.example)", "`code` | cell |"),
    "a field called as a template": names("{0}", "{operation.__class__}", "%s%n"),
    "a field called as a metric": names('a"}\nevil_metric{b="', "x\\"),
    "a field called as a formula": names("=HYPERLINK(0)", "@SUM(1)"),
    "a field called as a method": names("__proto__", "constructor", "toString"),
    "a field of bidirectional letters": names("\u202eabc\u2069", "\ufeff", "a\u0301" * 100),
    "a field with a lone surrogate": names("a\ud800b"),
    "a field called as an ANSI sequence": names("\x1b[31mred\x1b[0m", "\x9b2J"),
    "a field with invisible letters": names("stat\u200bus", "ti\u00adtle", "i\u0307d", "\u0456d", "ｉｄ"),
    "a field in three cases": names("ID", "Id", "STATUS", "Title"),
    "fields for a terminal": names(*SHOWN),
    "a field called as a URL with the key": names(f"https://x.example/?api_key={KEY}", f"a#{KEY}"),
    "names that nest 40 deep": nested(*(f"{number}.{EMAIL}" for number in range(40))),
    "names that nest 70 deep": nested(*(f"n{number}" for number in range(70))),
    "5,000 fields in an object": names(*(f"field{number}" for number in range(5000)), content=1),
    # whole bodies
    "no object": whole_value(lambda value: [value]),
    "null": whole_value(lambda value: None),
    "a string": whole_value(lambda value: EMAIL),
    "a number alone": whole_value(lambda value: int(CARD)),
    "true": whole_value(lambda value: True),
    "an empty object": whole_value(lambda value: {}),
    "an object of objects": whole_value(lambda value: {EMAIL: {CARD: value}}),
    "10,000 items": repeated(10_000),
    "100,000 items": lambda value, _: sends({"data": [{"id": 7}] * 100_000, "page_info": {"has_next_page": False}}),
    "100,000 items that are numbers": whole_value(lambda value: {"data": [1] * 99_000, "page_info": {}}),
    "a page of pages": whole_value(lambda value: {"data": [value] * 50, "page_info": value}),
    "an item of 3 MB": field("x" * (3 * 2**20), "title"),
    "40 levels": whole_value(lambda value: json.loads('{"data":[' * 20 + "1" + "]}" * 20)),
    "100,000 levels": lambda value, _: sends('{"a":[' * 100_000 + "]}" * 100_000),
    "a key twice": lambda value, _: sends(json.dumps(broken(value))[:-1] + ', "data": [], "data": [1]}'),
    "a byte order mark": lambda value, _: sends("\ufeff" + json.dumps(broken(value))),
    "two documents": lambda value, _: sends(json.dumps(value) * 2),
    "a document and more": lambda value, _: sends(json.dumps(broken(value)) + " // " + EMAIL),
    "JSON with a comment": lambda value, _: sends("/* " + EMAIL + " */" + json.dumps(value)),
    "JSON in single quotes": lambda value, _: sends(json.dumps(value).replace('"', "'")),
    "HTML of a person": lambda value, _: whole(f"<h1>{PERSON} {EMAIL}</h1>".encode(), b"Content-Type: text/html"),
    "UTF-16": lambda value, _: whole(json.dumps(value).encode("utf-16"), b"Content-Type: application/json"),
    "UTF-32": lambda value, _: whole(json.dumps(value).encode("utf-32"), b"Content-Type: application/json"),
    "Latin-1": lambda value, _: whole('{"a": "é"}'.encode("latin-1"), b"Content-Type: application/json"),
    "gzip of 200 MB": lambda value, _: whole(gzip.compress(bytes(200 * 2**20), 1), b"Content-Encoding: gzip"),
    "gzip of gzip": lambda value, _: whole(
        gzip.compress(gzip.compress(json.dumps(value).encode())), b"Content-Encoding: gzip"
    ),
    "items in another order each time": _shuffled,
    # pages
    "a cursor that never ends": page(has_next_page=True, end_cursor="same"),
    "a new cursor on every page": _new_cursor,
    "empty pages without end": whole_value(
        lambda value: {"data": [], "page_info": {"has_next_page": True, "end_cursor": "x", "has_previous_page": 7}}
    ),
    "a cursor for a terminal": page(has_next_page=True, end_cursor="".join(SHOWN)),
    "a cursor that is a path": page(has_next_page=True, end_cursor="../../../v2/me?x=%00#"),
    "a cursor that is a number": page(has_next_page=True, end_cursor=7),
    "a cursor of 1 MB": page(has_next_page=True, end_cursor="c" * 2**20),
    "a cursor that is an e-mail address": page(has_next_page=True, end_cursor=EMAIL),
    "a cursor with a query": page(has_next_page=True, end_cursor="a&first=9999#"),
    "a cursor that is the key": page(has_next_page=True, end_cursor=KEY),
    "no cursor": page(has_next_page=True, end_cursor=None),
    "pages both ways": page(has_next_page=True, has_previous_page=True, end_cursor="a", start_cursor="a"),
    "a page info that is a list": whole_value(lambda value: {"data": items(broken(value)), "page_info": [EMAIL]}),
    # headers and statuses
    "personal headers": header(b"Warning: 299 - " + EMAIL.encode(), b"Sunset: " + PERSON.encode(), b"Link: <a>; rel=x"),
    "a personal media type": header(b"Content-Type: text/" + CARD.encode()),
    "a media type of a person": header(
        b"Content-Type: text/x-eve." + CARD.encode() + b'; name="' + EMAIL.encode() + b'"'
    ),
    "a personal charset": header(b"Content-Type: application/json; charset=" + EMAIL.encode()),
    "a personal version": header(b"Api-Version-Date: " + EMAIL.encode()),
    "a version for a terminal": header(b"Api-Version-Date: \x1b[2J2026"),
    "a version that is a path": header(b"Api-Version-Date: ../../../../etc/passwd"),
    "a version that is the key": header(b"Api-Version-Date: " + KEY.encode()),
    "versions that change": lambda value, _: sends(
        broken(value), b"Api-Version-Date: 20%02d-01-01" % (10 + random.getrandbits(6))
    ),
    "headers for a terminal": header(b"Deprecation: \x1b[2J", b"Warning: 299 - \x1b]0;x\x07", b"Link: <\x9b2J>; rel=a"),
    "a deprecation of a huge date": header(b"Deprecation: @" + b"9" * 400, b"Sunset: Sat, 31 Dec 99999 23:59:59 GMT"),
    "a sunset in a strange zone": header(
        b"Sunset: Sat, 21 Nov 2026 10:00:00 +999999", b"Date: \xb2\xb3", b"Age: 1e999"
    ),
    "a limit that is no number": header(
        b"RateLimit-Remaining: 0", b"RateLimit-Reset: 99999999999999", b"X-RateLimit-Limit: nan", status=b"429 X"
    ),
    "a limit that is used up": header(b"RateLimit-Remaining: 0", b"RateLimit-Reset: 3600"),
    "a wait of a foreign alphabet": header("Retry-After: ²٣".encode(), status=b"503 X"),
    "30 kB of links": header(b"Link: " + b"<" * 30_000),
    "a media type of 30 kB": header(b"Content-Type: " + b"a/" * 15_000 + b"; charset=" + b"x" * 900),
    "a charset that is a codec": header(b"Content-Type: application/json; charset=zip"),
    "a version of the future": header(b"Api-Version-Date: 9999-12-31"),
    "a personal request id": header(b"X-Request-Id: " + EMAIL.encode(), status=b"500 " + PERSON.encode()),
    "a request id that is a card": header(b"X-Request-Id: " + CARD.encode(), status=b"503 X"),
    "a header called as a person": header(EMAIL.replace("@", "-at-").encode() + b": " + CARD.encode()),
    "cookies": header(*[b"Set-Cookie: a%d=%s; Domain=example.com" % (n, EMAIL.encode()) for n in range(50)]),
    "a redirect to a file": header(b"Location: file:///etc/passwd", status=b"302 Found"),
    "a redirect to another host": header(b"Location: http://evil.example/" + KEY.encode(), status=b"307 X"),
    "a redirect within": header(b"Location: ?a=b", status=b"308 X"),
    "a refresh": header(b"Refresh: 0; url=http://evil.example/"),
    "switching protocols": lambda value, _: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\n\r\n",
    "HTTP/1.0": lambda value, _: sends(broken(value)).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "HTTP/9.9": lambda value, _: sends(broken(value)).replace(b"HTTP/1.1", b"HTTP/9.9", 1),
    "200 interim responses": lambda value, _: b"HTTP/1.1 103 Early\r\n\r\n" * 200 + sends(broken(value)),
    "status 999": header(status=b"999 " + PERSON.encode()),
    "status 600": header(status=b"600 X"),
    "status 204 with a body": header(status=b"204 No Content"),
    "status 206": header(b"Content-Range: bytes 0-1/9999", status=b"206 Partial"),
    "status 226": header(status=b"226 IM Used"),
    "status 418": error("418 I'm a teapot", EMAIL),
    "an error of a person": error("403 " + PERSON, PERSON, EMAIL),
    "an error with a card": error("422 X", CARD, CARD),
    "an error for a terminal": error("400 X", SHOWN[0], "".join(SHOWN)),
    "an error of another version": lambda value, _: sends(
        {
            "error": {
                "param": "Api-Version-Date",
                "message": "Supported: " + ", ".join(f"20{n:02}-01-01" for n in range(9999)),
            }
        },
        status=b"400 X",
    ),
    "an error of a version with the key": lambda value, _: sends(
        {"error": {"param": "Api-Version-Date", "message": f"Supported: 2026-01-01-{KEY}, {EMAIL}"}}, status=b"400 X"
    ),
    "an error about a parameter for a terminal": lambda value, _: sends(
        {"error": {"type": "parameter_missing", "param": "\x1b[2J" + EMAIL, "message": SHOWN[1]}}, status=b"400 X"
    ),
    "an error of a million letters in a row": error("422 X", "parameter_missing", "a" * 10**6 + "!"),
    "an error of lists": error("400 X", [EMAIL], {CARD: PERSON}),
    "an error of 2 MB": error("400 X", "e" * 2**20, "m" * 2**20),
    "a missing parameter that is personal": error("400 X", "parameter_missing", EMAIL),
    "an error page of a proxy": lambda value, _: whole(
        f"<title>{PERSON}</title>".encode(), b"Content-Type: text/html", b"Server: cloudflare", status=b"520 X"
    ),
    "an authentication challenge": header(b'WWW-Authenticate: Basic realm="' + EMAIL.encode() + b'"', status=b"401 X"),
    "a limit of a person": header(b"Retry-After: " + PERSON.encode(), status=b"429 X"),
    "a limit of a year": header(b"Retry-After: 31536000", status=b"429 X"),
    # the key
    **{f"the key {name}": echo(written) for name, written in ENCODINGS.items()},
    "the key split by names": _split_key,
    "the key in cookies": header(
        b"Set-Cookie: session=" + KEY.encode(), b"Set-Cookie: " + KEY.encode() + b"=1; Path=/"
    ),
    "a redirect with the key in a fragment": header(b"Location: /api/v1/#" + KEY.encode(), status=b"303 X"),
    "the key in a header name": header(b"X-" + KEY.encode() + b": 1"),
    "the whole request": _echo_everything,
}
