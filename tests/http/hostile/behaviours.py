"""Everything a server can do wrong after it has taken a request, and what it has to be called.

An answer is a function of the connection and the request's head. Most are bytes that are sent as they stand.
"""

from __future__ import annotations

import gzip
import itertools
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from whopwatch.core.exchange import Failure
from whopwatch.core.strict_json import BodyProblem

Answer = Callable[[socket.socket, bytes], None]
CRLF = b"\r\n"
JSON = b'{"data": []}'
START = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = bytes(2**20)


@dataclass(frozen=True)
class Behaviour:
    """`outcome` is the failure or status that the exchange has to have, `problem` the problem of its body.

    `attempts` is the number of requests that the client sends.
    """

    name: str
    answer: Answer
    outcome: Failure | int
    problem: BodyProblem | None = None
    attempts: int = 1


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A response that is correct HTTP, whatever `body` is."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body)]
    return CRLF.join([*lines, b"", body])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def says(*parts: bytes) -> Answer:
    """Send `parts`, each in a packet of its own."""

    def answer(connection: socket.socket, _: bytes) -> None:
        for part in parts:
            connection.sendall(part)

    return answer


def then(*answers: Answer) -> Answer:
    """One answer after another."""

    def answer(connection: socket.socket, head: bytes) -> None:
        for step in answers:
            step(connection, head)

    return answer


def repeats(parts: Iterable[bytes], pause: float = 0.0) -> Answer:
    """Send `parts` over and over until the client has had enough."""

    def answer(connection: socket.socket, _: bytes) -> None:
        for part in itertools.cycle(parts):
            connection.sendall(part)
            time.sleep(pause)

    return answer


def resets(connection: socket.socket, _: bytes) -> None:
    """End the connection by a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def holds(connection: socket.socket, _: bytes) -> None:
    """Say nothing more, and keep the connection open until the client gives up."""
    connection.recv(1)


def half_closes(connection: socket.socket, _: bytes) -> None:
    """Send nothing more, and wait until the client closes the connection."""
    connection.shutdown(socket.SHUT_WR)
    connection.recv(1)


def pauses(_: socket.socket, __: bytes) -> None:
    """Let the client read what was sent so far."""
    time.sleep(0.2)


def hangs_up(connection: socket.socket, _: bytes) -> None:
    """Keep the connection for the next request, and close it then without an answer."""
    connection.recv(65536)


def keeps(response: bytes) -> Answer:
    """Answer as often as the client asks."""

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(response)
        while connection.recv(65536):
            connection.sendall(response)

    return answer


def echoes(connection: socket.socket, head: bytes) -> None:
    """Give back whatever the request held, the key included, in headers and body."""
    lines = head.split(CRLF)
    sent = next(line.partition(b": ")[2] for line in lines if line.lower().startswith(b"authorization"))
    body = b'{"you sent": "' + b" ".join(lines).replace(b'"', b"'") + b'"}'
    connection.sendall(whole(body, b"X-Echo: " + sent, b"Location: /?" + sent, status=b"401 " + sent))


def bombs(connection: socket.socket, head: bytes) -> None:
    """Send a small gzip body that unpacks to 100 MB, many times what a client accepts."""
    connection.sendall(START + b"Content-Encoding: gzip\r\n\r\n")
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(100):
        connection.sendall(packer.compress(MEGABYTE))
    connection.sendall(packer.flush())


def packed(data: bytes, encoding: bytes = b"gzip") -> Answer:
    return says(whole(data, b"Content-Encoding: " + encoding))


def builds(response: Callable[[], bytes]) -> Answer:
    """Send a `response` that is built in the server only: its memory must not hide what the client needs."""

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(response())

    return answer


def json(body: bytes) -> Answer:
    return says(whole(body, b"Content-Type: application/json"))


INTERIM = b"HTTP/1.1 103 Early Hints\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
ZIPPED = gzip.compress(JSON)

BEHAVIOURS = (
    # the connection ends
    Behaviour("closes without an answer", says(), Failure.RESET),
    Behaviour("resets without an answer", resets, Failure.RESET),
    Behaviour("closes within the status line", says(b"HTTP/1.1 20"), Failure.RESET),
    Behaviour("closes within the headers", says(START + b"Content-Ty"), Failure.RESET),
    Behaviour("closes within the body", says(whole(JSON)[:-4]), Failure.INCOMPLETE),
    Behaviour("closes before the body", says(whole(JSON)[: -len(JSON)]), Failure.INCOMPLETE),
    Behaviour("closes within a chunk", says(CHUNKED + chunk(JSON)[:-5]), Failure.INCOMPLETE),
    Behaviour("closes between chunks", says(CHUNKED + chunk(JSON)), Failure.INCOMPLETE),
    Behaviour("resets within the body", then(says(whole(JSON)[:-4]), resets), Failure.RESET),
    # the answer does not come, or does not end
    Behaviour("is silent", holds, Failure.READ_TIMEOUT),
    Behaviour("is silent after the headers", then(says(START), holds), Failure.READ_TIMEOUT),
    Behaviour("is silent within the body", then(says(whole(JSON)[:-4]), holds), Failure.READ_TIMEOUT),
    Behaviour(
        "promises more than it sends",
        then(says(START + b"Content-Length: 999\r\n\r\n" + JSON), holds),
        Failure.READ_TIMEOUT,
    ),
    Behaviour("drips a status line", then(says(b"HTTP/1.1 200 "), repeats([b"O"], 0.05)), Failure.DEADLINE),
    Behaviour("drips headers", then(says(START), repeats([b"a", b":", b"b", CRLF], 0.05)), Failure.DEADLINE),
    Behaviour(
        "drips a body",
        then(says(START + b"Content-Length: 9999\r\n\r\n"), repeats([b" "], 0.05)),
        Failure.DEADLINE,
    ),
    Behaviour("drips chunks", then(says(CHUNKED), repeats([chunk(b" ")], 0.05)), Failure.DEADLINE),
    Behaviour("drips interim answers", repeats([b"HTTP/1.1 102 Processing\r\n\r\n"], 0.05), Failure.DEADLINE),
    # there is too much of it
    Behaviour("sends 50 megabytes", says(whole(b"")[:-5] + b"52428800\r\n\r\n", MEGABYTE), Failure.TOO_LARGE),
    Behaviour("sends a body without end", then(says(START + CRLF), repeats([MEGABYTE])), Failure.TOO_LARGE),
    Behaviour("sends chunks without end", then(says(CHUNKED), repeats([chunk(MEGABYTE)])), Failure.TOO_LARGE),
    Behaviour("sends a gzip bomb", bombs, Failure.TOO_LARGE),
    Behaviour(
        "sends headers without end", then(says(START), repeats([b"X-A: b\r\n" * 100])), Failure.HEADERS_TOO_LARGE
    ),
    Behaviour(
        "sends one endless header", then(says(START + b"X-A: "), repeats([b"b" * 999])), Failure.HEADERS_TOO_LARGE
    ),
    Behaviour("sends 300 headers", says(whole(JSON, *[b"X-A: b"] * 300)), Failure.HEADERS_TOO_LARGE),
    Behaviour("sends a header of 50 kB", says(whole(JSON, b"X-A: " + b"b" * 50_000)), Failure.HEADERS_TOO_LARGE),
    Behaviour(
        "sends interim answers without end", repeats([b"HTTP/1.1 100 Continue\r\n\r\n"]), Failure.HEADERS_TOO_LARGE
    ),
    Behaviour(
        "sends trailers without end", then(says(CHUNKED + b"0\r\n"), repeats([b"X-A: b\r\n" * 99])), Failure.PROTOCOL
    ),
    Behaviour("sends a chunk size without end", then(says(CHUNKED), repeats([b"0" * 999])), Failure.PROTOCOL),
    # it is no HTTP
    Behaviour("speaks another protocol", says(b"220 mail.example ESMTP\r\n"), Failure.PROTOCOL),
    Behaviour("answers as HTTP/0.9", says(b"<html></html>"), Failure.PROTOCOL),
    Behaviour(
        "answers in HTTP/2", says(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff\r\n"), Failure.PROTOCOL
    ),
    Behaviour("answers in TLS", says(b"\x15\x03\x01\0\x02\x02\x0a\r\n"), Failure.PROTOCOL),
    Behaviour("sends a status of letters", says(b"HTTP/1.1 OK OK\r\n\r\n"), Failure.PROTOCOL),
    Behaviour("sends a status of four digits", says(b"HTTP/1.1 2000 OK\r\n\r\n"), Failure.PROTOCOL),
    Behaviour("sends a header without a colon", says(whole(JSON, b"X-A b")), Failure.PROTOCOL),
    Behaviour("sends a header without a name", says(whole(JSON, b": b")), Failure.PROTOCOL),
    Behaviour("sends a header with a zero byte", says(whole(JSON, b"X-A: b\0c")), Failure.PROTOCOL),
    Behaviour("sends two lengths", says(whole(JSON, b"Content-Length: 3")), Failure.PROTOCOL),
    Behaviour("sends a negative length", says(START + b"Content-Length: -1\r\n\r\n"), Failure.PROTOCOL),
    Behaviour(
        "sends a length of 5000 digits", says(START + b"Content-Length: " + b"9" * 5000 + CRLF * 2), Failure.PROTOCOL
    ),
    Behaviour("sends more than its length", says(whole(JSON) + b" and more"), Failure.PROTOCOL),
    Behaviour(
        "sends a body where none may be",
        says(START.replace(b"200 OK", b"204 No Content") + CRLF + JSON),
        Failure.PROTOCOL,
    ),
    Behaviour("sends a second answer at once", says(whole(JSON) + whole(b'{"data": [1]}')), Failure.PROTOCOL),
    Behaviour("sends a chunk size of letters", says(CHUNKED + b"zz\r\n"), Failure.PROTOCOL),
    Behaviour("sends a chunk longer than its size", says(CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"), Failure.PROTOCOL),
    Behaviour("names an unknown transfer encoding", says(START + b"Transfer-Encoding: br\r\n\r\n"), Failure.PROTOCOL),
    Behaviour("switches protocols", says(START.replace(b"200 OK", b"101 X") + b"Upgrade: x\r\n\r\n"), Failure.PROTOCOL),
    # it is HTTP for one reader, and something else for the next one
    Behaviour("sends a length and chunks", says(whole(JSON, b"Transfer-Encoding: chunked")), Failure.PROTOCOL),
    Behaviour(
        "sends chunks twice over",
        says(CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(JSON)),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "hides its chunks behind another encoding",
        says(START + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: br\r\n\r\n" + chunk(JSON) + chunk(b"")),
        Failure.PROTOCOL,
    ),
    Behaviour("sends a length of another alphabet", says(START + b"Content-Length: \xb2\r\n\r\n{}"), Failure.PROTOCOL),
    Behaviour("sends a length with a sign", says(START + b"Content-Length: +12\r\n\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("sends a list of lengths", says(START + b"Content-Length: 12, 12\r\n\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("sends a length in hexadecimal", says(START + b"Content-Length: 0xc\r\n\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("folds a header", says(START + b"X-A: b\r\n Content-Length: 3\r\n\r\n"), Failure.PROTOCOL),
    Behaviour("ends lines without a return", says(whole(JSON).replace(CRLF, b"\n")), Failure.PROTOCOL),
    Behaviour(
        "sends a status line of 20 MB", then(says(b"HTTP/1.1 200 "), repeats([b"O" * 2**16])), Failure.HEADERS_TOO_LARGE
    ),
    Behaviour("sends 100,000 headers", says(START + b"X-A: b\r\n" * 100_000 + CRLF), Failure.HEADERS_TOO_LARGE),
    Behaviour(
        "sends chunk extensions without end",
        then(says(CHUNKED + b"1;"), repeats([b"a=b;" * 9999])),
        Failure.PROTOCOL,
    ),
    Behaviour("packs in a thousand layers", packed(ZIPPED, b"gzip, " * 1000 + b"gzip"), Failure.ENCODING),
    Behaviour(
        "packs in two headers", packed(gzip.compress(ZIPPED), b"gzip\r\nContent-Encoding: gzip"), Failure.ENCODING
    ),
    Behaviour("packs in 100,000 parts", packed(gzip.compress(b"", 1) * 100_000), Failure.ENCODING),
    Behaviour("sends a status of zeros", says(whole(JSON, status=b"000 X")), Failure.PROTOCOL),
    Behaviour("sends a status below 100", says(whole(JSON, status=b"099 X")), Failure.PROTOCOL),
    Behaviour("claims HTTP/9.9", says(whole(JSON).replace(b"HTTP/1.1", b"HTTP/9.9")), Failure.PROTOCOL),
    Behaviour(
        "sends an interim answer with a body", says(INTERIM + b"Content-Length: 5\r\n\r\nHELLO"), Failure.PROTOCOL
    ),
    Behaviour(
        "sends an interim answer in chunks",
        says(INTERIM + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(JSON) + chunk(b"") + whole(JSON)),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "sends interim answers with headers without end",
        repeats([INTERIM + b"X-A: bbbbbbbb\r\n" * 1000 + CRLF]),
        Failure.HEADERS_TOO_LARGE,
    ),
    Behaviour("drips empty lines", repeats([CRLF], 0.05), Failure.DEADLINE),
    Behaviour("drips a phrase", then(says(START[:-2]), repeats([b"x"], 0.05)), Failure.DEADLINE),
    Behaviour(
        "drips trailers", then(says(CHUNKED + b"0\r\n"), repeats([b"a", b":", b"b", CRLF], 0.05)), Failure.DEADLINE
    ),
    Behaviour("sends empty lines without end", repeats([CRLF * 9999]), Failure.HEADERS_TOO_LARGE),
    Behaviour("sends a bare return in a header", says(whole(JSON, b"X-A: b\rSet-Cookie: c=d")), Failure.PROTOCOL),
    Behaviour("sends a bare line feed in a header", says(whole(JSON, b"X-A: b\nX-B: c")), Failure.PROTOCOL),
    Behaviour("sends a zero byte in a name", says(whole(JSON, b"X\0A: b")), Failure.PROTOCOL),
    Behaviour("sends a space before the colon", says(START + b"Content-Length : 12\r\n\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("sends an empty length", says(START + b"Content-Length: \r\n\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("sends a length twice", says(whole(JSON, b"Content-Length: 12")), Failure.PROTOCOL),
    Behaviour(
        "sends a length over 64 bits",
        says(START + b"Content-Length: 18446744073709551628\r\n\r\n" + JSON),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "sends a chunk size over 64 bits",
        says(CHUNKED + b"1000000000000000c\r\n" + JSON + b"\r\n0\r\n\r\n"),
        Failure.PROTOCOL,
    ),
    Behaviour("sends a negative chunk size", says(CHUNKED + b"-1\r\n" + JSON), Failure.PROTOCOL),
    Behaviour("sends a space before a chunk size", says(CHUNKED + b" c\r\n" + JSON + CRLF), Failure.PROTOCOL),
    Behaviour("sends chunks without a return", says(CHUNKED + b"c\n" + JSON + b"\n0\n\n"), Failure.PROTOCOL),
    Behaviour(
        "sends chunks of one byte without end", then(says(CHUNKED), repeats([chunk(b" ") * 9999])), Failure.PROTOCOL
    ),
    Behaviour(
        "ends its chunks by another encoding",
        says(START + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunk(JSON) + chunk(b"")),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "packs what it sends in chunks",
        says(START + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunk(ZIPPED) + chunk(b"")),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "sets a length in the trailers",
        says(CHUNKED + chunk(JSON) + b"0\r\nContent-Length: 3\r\nTransfer-Encoding: br\r\n\r\n"),
        Failure.PROTOCOL,
    ),
    Behaviour(
        "redirects to a zero byte", says(whole(b"", b"Location: http://a/\0", status=b"307 X")), Failure.PROTOCOL
    ),
    # it is packed wrongly
    Behaviour(
        "sends a deflate bomb",
        builds(lambda: whole(zlib.compress(bytes(2**25), 9), b"Content-Encoding: deflate")),
        Failure.TOO_LARGE,
    ),
    Behaviour(
        "sends a bomb in parts",
        builds(lambda: whole(gzip.compress(bytes(7 * 2**20)) * 60, b"Content-Encoding: gzip")),
        Failure.TOO_LARGE,
    ),
    Behaviour("packs without a frame", packed(zlib.compress(JSON)[2:-4], b"deflate"), Failure.ENCODING),
    Behaviour("packs with a name without end", packed(b"\x1f\x8b\x08\x08" + b"n" * 2**20), Failure.ENCODING),
    Behaviour("packs nothing", packed(JSON), Failure.ENCODING),
    Behaviour("packs half", packed(ZIPPED[:-6]), Failure.ENCODING),
    Behaviour("packs with a wrong checksum", packed(ZIPPED[:-8] + bytes(8)), Failure.ENCODING),
    Behaviour("packs and goes on", packed(ZIPPED + b"more"), Failure.ENCODING),
    Behaviour("packs twice", packed(gzip.compress(ZIPPED), b"gzip, gzip"), Failure.ENCODING),
    Behaviour("packs with brotli", packed(b"\x0b\x05\x80" + JSON + b"\x03", b"br"), Failure.ENCODING),
    Behaviour("uses an unknown encoding", packed(JSON, b"whop"), Failure.ENCODING),
    # it is no JSON
    Behaviour("sends nothing", json(b""), 200, BodyProblem.EMPTY),
    Behaviour("sends invalid UTF-8", json(b'{"a": "\xff"}'), 200, BodyProblem.NOT_UTF8),
    Behaviour("sends UTF-16", json('{"a": 1}'.encode("utf-16")), 200, BodyProblem.NOT_UTF8),
    Behaviour("sends NaN", json(b'{"a": NaN}'), 200, BodyProblem.NOT_A_NUMBER),
    Behaviour("sends Infinity", json(b'{"a": Infinity}'), 200, BodyProblem.NOT_A_NUMBER),
    Behaviour("sends a key twice", json(b'{"a": 1, "a": 2}'), 200, BodyProblem.DUPLICATE_KEY),
    Behaviour("nests 100 deep", json(b"[" * 100 + b"]" * 100), 200, BodyProblem.TOO_DEEP),
    Behaviour("nests a million deep", json(b'{"a":' * 10**6), 200, BodyProblem.TOO_DEEP),
    Behaviour("sends half a document", json(b'{"a": '), 200, BodyProblem.NOT_JSON),
    Behaviour("sends HTML", says(whole(b"<!doctype html>", b"Content-Type: text/html")), 200, BodyProblem.NOT_JSON),
    Behaviour("sends a byte order mark", json(b"\xef\xbb\xbf{}"), 200, BodyProblem.NOT_JSON),
    Behaviour("sends a number of 5000 digits", json(b"9" * 5000), 200, BodyProblem.NOT_JSON),
    Behaviour(
        "sends 600,000 keys",
        builds(
            lambda: whole(
                b"{" + b",".join(b'"%d":1' % at for at in range(600_000)) + b"}", b"Content-Type: application/json"
            )
        ),
        200,
        BodyProblem.TOO_MANY_VALUES,
    ),
    Behaviour("sends half a surrogate pair", json(b'{"a": "\\ud800"}'), 200, BodyProblem.NOT_UTF8),
    Behaviour("sends a key twice, once escaped", json(b'{"\\u0061": 1, "a": 2}'), 200, BodyProblem.DUPLICATE_KEY),
    Behaviour("sends two documents", json(JSON + JSON), 200, BodyProblem.NOT_JSON),
    Behaviour("sends a zero byte at the end", json(JSON + b"\0"), 200, BodyProblem.NOT_JSON),
    # it is HTTP, and unpleasant
    Behaviour(
        "redirects to another scheme",
        says(whole(b"", b"Location: gopher://x", status=b"307 X")),
        307,
        BodyProblem.EMPTY,
    ),
    Behaviour(
        "redirects to half an address",
        says(whole(b"", b"Location: http://[::1", status=b"303 X")),
        303,
        BodyProblem.EMPTY,
    ),
    *(
        Behaviour(
            f"asks for time as {name}", says(whole(JSON, b"Retry-After: " + time, status=b"429 X")), 429, attempts=3
        )
        for name, time in {
            "no number": b"NaN",
            "a power": b"1e9",
            "a negative number": b"-5",
            "an impossible date": b"Thu, 99 Foo 2026 99:99:99 GMT",
            "a zone without end": b"Fri, 31 Dec 2026 23:59:59 +9999999999",
        }.items()
    ),
    Behaviour(
        "asks for time since 1970",
        says(
            whole(
                JSON,
                b"Date: Thu, 01 Jan 1970 00:00:00 GMT",
                b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
                status=b"503 X",
            )
        ),
        503,
    ),
    Behaviour("has no limit of requests", says(whole(JSON, b"RateLimit-Remaining: 0", b"RateLimit-Reset: nan")), 200),
    Behaviour("closes its half within the body", then(says(whole(JSON)[:-4]), half_closes), Failure.INCOMPLETE),
    Behaviour("closes its half", then(says(whole(JSON)), half_closes), 200),
    Behaviour("sends an unknown interim answer", then(says(b"HTTP/1.1 199 X\r\n\r\n"), pauses, says(whole(JSON))), 200),
    Behaviour("redirects to itself", says(whole(b"", b"Location: ?", status=b"302 Found")), 302, BodyProblem.EMPTY),
    Behaviour(
        "redirects elsewhere", says(whole(b"", b"Location: http://127.0.0.2/", status=b"308 X")), 308, BodyProblem.EMPTY
    ),
    Behaviour(
        "redirects to a file",
        says(whole(b"", b"Location: file:///etc/passwd", status=b"301 X")),
        301,
        BodyProblem.EMPTY,
    ),
    Behaviour("redirects nowhere", says(whole(b"", status=b"302 Found")), 302, BodyProblem.EMPTY),
    Behaviour("asks for time", says(whole(JSON, b"Retry-After: 2", status=b"429 X")), 429, attempts=3),
    Behaviour(
        "asks for time by a date",
        says(
            whole(
                JSON,
                b"Date: Sat, 21 Nov 2026 10:00:00 GMT",
                b"Retry-After: Sat, 21 Nov 2026 10:00:05 GMT",
                status=b"503 X",
            )
        ),
        503,
        attempts=3,
    ),
    Behaviour("asks for time without an end", says(whole(JSON, b"Retry-After: 99999999", status=b"429 X")), 429),
    Behaviour("asks for time in a riddle", says(whole(JSON, b"Retry-After: -\xb2", status=b"429 X")), 429, attempts=3),
    Behaviour("asks for no time", says(whole(JSON, status=b"429 X")), 429, attempts=3),
    Behaviour("hangs up at the next request", then(json(JSON), hangs_up), 200),
    Behaviour("invents a status", says(whole(JSON, status=b"999 X")), 999),
    Behaviour("gives back the key", echoes, 401),
    Behaviour(
        "sends an interim answer first", says(b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", whole(JSON)), 200
    ),
    Behaviour("sends every byte alone", says(*(bytes([byte]) for byte in whole(JSON))), 200),
    Behaviour(
        "sends every byte as a chunk", says(CHUNKED + b"".join(chunk(bytes([byte])) for byte in JSON) + chunk(b"")), 200
    ),
    Behaviour("sends a body without a length", says(START + CRLF + JSON), 200),
    Behaviour("sends headers in another alphabet", says(whole(JSON, b"X-A: \xff\xfe")), 200),
    Behaviour("sets a cookie", says(whole(JSON, b"Set-Cookie: a=b; Path=/")), 200),
    Behaviour("answers correctly", json(JSON), 200),
    Behaviour("keeps the connection", keeps(whole(JSON)), 200),
)
