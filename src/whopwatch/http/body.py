"""Reading a response within its bounds: headers counted, body streamed, unpacked piece by piece."""

from __future__ import annotations

import zlib

import httpx

from whopwatch.core.exchange import Failure
from whopwatch.http.failures import UnreadableError
from whopwatch.http.limits import Limits
from whopwatch.http.watch import Watch

ACCEPT_ENCODING = "gzip"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_WITHOUT_BODY = frozenset({204, 304})


def check_headers(headers: httpx.Headers, limits: Limits) -> None:
    """Raise UnreadableError where there are too many headers, or too much of them."""
    raw = headers.raw
    if len(raw) > limits.header_count or sum(len(name) + len(value) for name, value in raw) > limits.header_bytes:
        raise UnreadableError(Failure.HEADERS_TOO_LARGE)


def read_body(response: httpx.Response, limits: Limits, watch: Watch) -> bytes:
    """The unpacked body of `response`, at most `limits.body_bytes` of it ever in memory.

    Raises UnreadableError for one that is too large, packed in a way nobody asked for or wrongly, shorter or
    longer than its Content-Length, or not over at the deadline; httpx.TransportError for what the wire does.
    """
    limit = limits.body_bytes
    declared = _declared_length(response)
    if declared is not None and declared > limit:
        raise UnreadableError(Failure.TOO_LARGE)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    unpacker = _Unpacker() if encoding in _PACKED else None
    body = bytearray()
    received = 0
    for chunk in _parts(response):
        received += len(chunk)
        if received > limit:
            raise UnreadableError(Failure.TOO_LARGE)
        if watch.remaining <= 0:
            raise UnreadableError(Failure.DEADLINE)
        body += unpacker.feed(chunk, limit - len(body)) if unpacker else chunk
    if declared is not None and received != declared:
        raise UnreadableError(Failure.INCOMPLETE if received < declared else Failure.PROTOCOL)
    if received and (not unpacker.is_complete if unpacker else encoding not in ("identity", "")):
        raise UnreadableError(Failure.ENCODING)
    return bytes(body)


class _Unpacker:
    """Unpacks gzip or zlib data, never more than there is room for."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes, room: int) -> bytes:
        try:
            unpacked = self._zlib.decompress(data, room + 1)
        except zlib.error:
            raise UnreadableError(Failure.ENCODING) from None
        if len(unpacked) > room:
            raise UnreadableError(Failure.TOO_LARGE)
        if self._zlib.unused_data:
            raise UnreadableError(Failure.ENCODING)
        return unpacked

    @property
    def is_complete(self) -> bool:
        return self._zlib.eof


def _declared_length(response: httpx.Response) -> int | None:
    """The Content-Length that the body has to have, None where it has to have none."""
    text = response.headers.get("content-length", "")
    if response.status_code in _WITHOUT_BODY or "transfer-encoding" in response.headers:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _parts(response: httpx.Response) -> httpx.SyncByteStream:
    stream = response.stream
    assert isinstance(stream, httpx.SyncByteStream)
    return stream
