"""Read a response within bounds, and name what went wrong on the wire."""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import Iterator

import httpx

from whopwatch.core.exchange import Failure
from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer

ACCEPT_ENCODING = "gzip"
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_WITHOUT_BODY = frozenset({204, 304})


class UnreadableError(Exception):
    """A response with unreadable headers or body; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def check_header_bounds(headers: httpx.Headers, limits: Limits) -> None:
    """Raise UnreadableError for too many or too large headers."""
    raw = headers.raw
    if len(raw) > limits.header_count or sum(len(name) + len(value) for name, value in raw) > limits.header_bytes:
        raise UnreadableError(Failure.HEADERS_TOO_LARGE)


def read_body(response: httpx.Response, limits: Limits, watch: AttemptTimer) -> bytes:
    """Return the decompressed body of `response`; at most `limits.body_bytes` of it are ever in memory.

    Raises UnreadableError for a body that is too large, has a wrong or unrequested encoding, does not match its
    Content-Length or exceeds the deadline, and httpx.TransportError for network errors.
    """
    limit = limits.body_bytes
    declared = _declared_length(response)
    if declared is not None and declared > limit:
        raise UnreadableError(Failure.TOO_LARGE)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    decompressor = _Decompressor() if encoding in _COMPRESSED else None
    body = bytearray()
    received = 0
    for chunk in _chunks(response):
        received += len(chunk)
        if received > limit:
            raise UnreadableError(Failure.TOO_LARGE)
        if watch.remaining <= 0:
            raise UnreadableError(Failure.DEADLINE)
        body += decompressor.feed(chunk, limit - len(body)) if decompressor else chunk
    if declared is not None and received != declared:
        raise UnreadableError(Failure.INCOMPLETE if received < declared else Failure.PROTOCOL)
    if received and (not decompressor.is_complete if decompressor else encoding not in ("identity", "")):
        raise UnreadableError(Failure.ENCODING)
    return bytes(body)


class _Decompressor:
    """Decompress gzip or zlib data up to a given size."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes, room: int) -> bytes:
        try:
            data_out = self._zlib.decompress(data, room + 1)
        except zlib.error:
            raise UnreadableError(Failure.ENCODING) from None
        if len(data_out) > room:
            raise UnreadableError(Failure.TOO_LARGE)
        if self._zlib.unused_data:
            raise UnreadableError(Failure.ENCODING)
        return data_out

    @property
    def is_complete(self) -> bool:
        return self._zlib.eof


def _declared_length(response: httpx.Response) -> int | None:
    """Return the Content-Length that the body has to have, None if it is not binding."""
    text = response.headers.get("content-length", "")
    if response.status_code in _WITHOUT_BODY or "transfer-encoding" in response.headers:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _chunks(response: httpx.Response) -> httpx.SyncByteStream:
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    return stream


def failure_of(error: httpx.TransportError, watch: AttemptTimer) -> Failure:
    """Return the failure that a network error means, given the timer of the attempt."""
    if isinstance(error, httpx.TimeoutException):
        return _timeout(error, watch)
    if isinstance(error, httpx.ProxyError):
        return Failure.PROXY
    if isinstance(error, httpx.ConnectError):
        return _connection(error)
    if isinstance(error, httpx.ProtocolError):
        return _protocol(watch)
    return Failure.TLS if _broken_tls(error) else Failure.RESET


def _timeout(error: httpx.TimeoutException, watch: AttemptTimer) -> Failure:
    if watch.remaining <= 0:
        return Failure.DEADLINE
    if isinstance(error, httpx.WriteTimeout):
        return Failure.WRITE_TIMEOUT
    return Failure.READ_TIMEOUT if isinstance(error, httpx.ReadTimeout) else Failure.CONNECT_TIMEOUT


def _connection(error: httpx.ConnectError) -> Failure:
    causes = list(causes_of(error))
    if any(isinstance(cause, (socket.gaierror, UnicodeError)) for cause in causes):
        return Failure.DNS
    return Failure.TLS if any(isinstance(cause, ssl.SSLError) for cause in causes) else Failure.CONNECT


def _protocol(watch: AttemptTimer) -> Failure:
    if watch.flooded:
        return Failure.HEADERS_TOO_LARGE
    if watch.at_end and watch.speaks_http:
        return Failure.INCOMPLETE if watch.in_body else Failure.RESET
    return Failure.PROTOCOL


def _broken_tls(error: BaseException) -> bool:
    """Return whether TLS failed; a connection without a closing message was only cut."""
    return any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in causes_of(error))


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and all errors that caused it, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def forget_frames(error: BaseException) -> None:
    """Remove the stack frames of `error` and its causes: their variables contain the key."""
    for link in causes_of(error):
        link.__traceback__ = None
