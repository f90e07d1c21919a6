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
    "the whole request": _echo_everything,
}
