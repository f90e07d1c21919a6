"""The HTTP transport to an MCP server: one origin, read-only tools, limited sizes, counted messages.

The rules are enforced here, where a message leaves the process, so that no caller can bypass them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field

import httpx2

_SAFE_METHODS = frozenset({"initialize", "ping", "tools/list", "server/discover"})
_MAX_RESPONSE_BYTES = 16 << 20
_MAX_HEADER_BYTES = 64 << 10


@dataclass
class ReadOnlyTransport(httpx2.AsyncBaseTransport):
    """Passes messages to `inner` if they change nothing and stay at `origin`.

    `readable` are the tools that may be called and `budget` is the maximum number of messages. `sent` and `held_back`
    count the messages. `refusals` are the responses with status 300 and above, each with its authentication scheme.
    """

    inner: httpx2.AsyncBaseTransport
    origin: tuple[str, str, int | None]
    readable: Collection[str]
    budget: int
    sent: int = 0
    held_back: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, or return 403 for one that is not allowed."""
        is_message = request.method == "POST"
        if origin_of(request.url) != self.origin or (is_message and not self._is_safe(await request.aread())):
            # A response instead of an exception: an exception would end the session.
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
            required = "oauth" if "resource_metadata" in scheme[2] else scheme[0].lower()[:16]
            self.refusals.append((response.status_code, required))
        if sum(len(name) + len(value) for name, value in response.headers.raw) > _MAX_HEADER_BYTES:
            await response.aclose()
            raise httpx2.RemoteProtocolError("too many response headers")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_BoundedStream(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.inner.aclose()

    def _is_safe(self, body: bytes) -> bool:
        message = json.loads(body)
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(method, str):
            return False
        name = message.get("params", {}).get("name") if method == "tools/call" else None
        return method.startswith("notifications/") or method in _SAFE_METHODS or name in self.readable


class _BoundedStream(httpx2.AsyncByteStream):
    """A body that raises an error if it exceeds the limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > _MAX_RESPONSE_BYTES:
                raise httpx2.ReadError("the response is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def origin_of(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port."""
    return url.scheme, url.host, url.port


_REFUSALS = {
    401: "the key was refused (401)",
    403: "the key lacks a permission, or this network address is blocked (403)",
    404: "nothing at this address (404): the transport was retired, or the path is wrong",
    405: "the address accepts no messages (405): it belongs to another transport",
    410: "the transport was retired (410)",
    429: "rate limited (429)",
}


def failure_reason(error: BaseException, transport: ReadOnlyTransport | None) -> str:
    """Return why a server opened no session: the refused statuses if there are any, otherwise the kind of error."""
    for status, scheme in transport.refusals if transport else ():
        if status == 401 and scheme == "oauth":
            return "the server requires OAuth and accepts no API key (401)"
        if status in _REFUSALS:
            return _REFUSALS[status]
        if 300 <= status < 400:
            return f"a redirect ({status}), which is not followed"
        return f"the server responded with status {status}"
    for inner in _leaf_errors(error):
        if isinstance(inner, (httpx2.ConnectError, httpx2.ConnectTimeout)):
            return "unreachable: nothing accepts a connection at this address. Check the URL, and that the server runs"
        if isinstance(inner, (httpx2.TimeoutException, TimeoutError)):
            return "no response in time"
        if isinstance(inner, FileNotFoundError):
            return "the command was not found"
        if isinstance(inner, PermissionError):
            return "the command is not executable"
    if transport is None:
        return "the command ended, printed nothing, or does not speak MCP: run it by hand to see its output"
    return "the server does not speak MCP"


def _leaf_errors(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaf_errors(inner)
    else:
        yield error
