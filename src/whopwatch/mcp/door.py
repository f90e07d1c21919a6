"""The way out to an MCP server over HTTP: one origin, reads alone, bounded, counted.

What a message may be is decided here, where it leaves, and not where it was thought of.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import httpx2

HARMLESS = frozenset({"initialize", "ping", "tools/list", "server/discover"})
MAX_RESPONSE = 16 << 20
MAX_HEADERS = 64 << 10


@dataclass
class Door(httpx2.AsyncBaseTransport):
    """Passes messages on to `inner` as long as they change nothing and stay at `origin`.

    `readable` are the tools that may be called; `budget` the messages that may leave, `sent` those that did and
    `held_back` those that did not. `refusals` are the statuses
    of 300 and above that came back, with the scheme they ask to be authorised by.
    """

    inner: httpx2.AsyncBaseTransport
    origin: tuple[str, str, int | None]
    readable: Collection[str]
    budget: int
    sent: int = 0
    held_back: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, or answer one that must not leave with 403."""
        is_message = request.method == "POST"
        if origin_of(request.url) != self.origin or (is_message and not self._is_harmless(await request.aread())):
            # An exception would end the session: a message that may not leave is one that is not answered.
            self.held_back += 1
            return httpx2.Response(403)
        if is_message:
            if self.sent >= self.budget:
                self.held_back += 1
                return httpx2.Response(403)
            self.sent += 1
        response = await self.inner.handle_async_request(request)
        if response.status_code >= 300:
            scheme = response.headers.get("www-authenticate", "").partition(" ")
            asks = "oauth" if "resource_metadata" in scheme[2] else scheme[0].lower()[:16]
            self.refusals.append((response.status_code, asks))
        if sum(len(name) + len(value) for name, value in response.headers.raw) > MAX_HEADERS:
            await response.aclose()
            raise httpx2.RemoteProtocolError("more headers than any answer needs")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.inner.aclose()

    def _is_harmless(self, body: bytes) -> bool:
        message = json.loads(body)
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(method, str):
            return False
        name = message.get("params", {}).get("name") if method == "tools/call" else None
        return method.startswith("notifications/") or method in HARMLESS or name in self.readable


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends in an error where it becomes longer than any answer."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_RESPONSE:
                raise httpx2.ReadError("the answer is larger than any answer should be")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def origin_of(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port
