"""One GET over one socket, under one deadline, its phases timed where they happen.

A probe asks one small question on a connection of its own, and what it measures must be the API. So there is no
more between it and the socket than TLS and an HTTP parser.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern

import httptools

from whopwatch.core.exchange import Failure, Phases
from whopwatch.http.limits import Limits
from whopwatch.http.watch import Watch
from whopwatch.prober.origin import Origin, WireError

_READ_SIZE = 64 * 2**10
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_INFORMATIONAL = (100, 102, 103)


@dataclass
class Answer:
    """A response as it arrives: what the HTTP parser calls, and what it has told so far."""

    status: int = 0
    phases: Phases = field(default_factory=Phases)
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    in_body: bool = False
    read_status: Callable[[], int] | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        self.headers.append((intern(name.decode("latin-1").lower()), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The empty line after the headers."""
        self.in_body = True

    def on_body(self, data: bytes) -> None:
        """A part of the body, its framing taken off."""
        self.body += data

    def on_message_complete(self) -> None:
        """The end, as far as the response's own framing tells it. One that is merely informational is forgotten."""
        if self.read_status is not None:
            self.status = self.read_status()
        if self.status in _INFORMATIONAL:
            self.headers.clear()
            self.in_body = False
        else:
            self.is_complete = True

    def header(self, name: str) -> str:
        """The first value of the header `name`, in lower case; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "").strip().lower()

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing but the end of the stream tells that the body is over."""
        return not any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow on the same connection."""
        return "close" not in self.header("connection") and not self.ends_with_connection


def fetch(origin: Origin, request: bytes, watch: Watch, limits: Limits) -> Answer:
    """The answer to `request`, whole and unpacked. Raises WireError for whatever keeps it from being read."""
    connection = origin.connect(watch, limits)
    keep = False
    try:
        connection.settimeout(_left(watch, limits.write))
        begun = watch.clock()
        connection.sendall(request)
        watch.wrote(begun)
        answer = _read(connection, watch, limits)
        answer.phases = watch.phases()
        keep = answer.keeps_connection
    except TimeoutError:
        was_sent = watch.was_written
        late = Failure.READ_TIMEOUT if was_sent else Failure.WRITE_TIMEOUT
        raise WireError(Failure.DEADLINE if watch.remaining <= 0 else late) from None
    except ssl.SSLEOFError:
        raise WireError(_cut(watch)) from None
    except ssl.SSLError:
        raise WireError(Failure.TLS) from None
    except OSError:
        raise WireError(Failure.RESET) from None
    finally:
        origin.release(connection, keep=keep)
    _unpack(answer, limits)
    return answer


def _left(watch: Watch, bound: float) -> float:
    """Seconds that one operation on the socket may take. Raises TimeoutError where none is left."""
    remaining = watch.remaining
    if remaining <= 0:
        raise TimeoutError
    return min(bound, remaining)


def _read(connection: socket.socket, watch: Watch, limits: Limits) -> Answer:
    answer = Answer()
    parser = httptools.HttpResponseParser(answer)
    answer.read_status = parser.get_status_code
    try:
        _feed(parser, answer, connection, watch, limits)
        answer.status = parser.get_status_code()
    finally:
        answer.read_status = None  # a circle that would have to wait for the garbage collector
    return answer


def _feed(
    parser: httptools.HttpResponseParser, answer: Answer, connection: socket.socket, watch: Watch, limits: Limits
) -> None:
    while not answer.is_complete:
        connection.settimeout(_left(watch, limits.read))
        data = connection.recv(_READ_SIZE)
        watch.read(data)
        if not data:
            if answer.in_body and answer.ends_with_connection:
                break
            raise WireError(_cut(watch))
        try:
            parser.feed_data(data)
        except httptools.HttpParserError:
            raise WireError(Failure.PROTOCOL) from None
        if answer.in_body and not watch.in_body:
            watch.headers_complete()
        _refuse_too_much(answer, watch, limits)


def _cut(watch: Watch) -> Failure:
    return Failure.INCOMPLETE if watch.in_body else Failure.RESET


def _refuse_too_much(answer: Answer, watch: Watch, limits: Limits) -> None:
    """Raise WireError where headers or body are more than any client should take."""
    size = sum(len(name) + len(value) for name, value in answer.headers)
    endless = not answer.in_body and watch.received > limits.header_bytes + _READ_SIZE
    if endless or len(answer.headers) > limits.header_count or size > limits.header_bytes:
        raise WireError(Failure.HEADERS_TOO_LARGE)
    if len(answer.body) > limits.body_bytes:
        raise WireError(Failure.TOO_LARGE)


def _unpack(answer: Answer, limits: Limits) -> None:
    encoding = answer.header("content-encoding")
    if not answer.body or encoding in ("", "identity"):
        return
    if encoding not in _PACKED:
        raise WireError(Failure.ENCODING)
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        body = unpacker.decompress(answer.body, limits.body_bytes + 1)
    except zlib.error:
        raise WireError(Failure.ENCODING) from None
    if len(body) > limits.body_bytes:
        raise WireError(Failure.TOO_LARGE)
    if not unpacker.eof or unpacker.unused_data:
        raise WireError(Failure.ENCODING)
    answer.body = bytearray(body)
