"""Limits for an HTTP server that anybody can connect to: connections, request heads and bodies.

uvicorn has no limit for any of them. Idle and slow clients give way to ones that send a request.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_RESERVED_DESCRIPTORS = 384
"""File descriptors for everything but the server's connections: forwarding, metrics, files, accepted sockets."""

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Sizes are in bytes, times in seconds. `open_bytes` is for all bodies that are being read, together."""

    head_bytes: int = 32 * 2**10
    head_seconds: float = 5.0
    body_bytes: int = 2**20
    body_seconds: float = 1.5
    open_bytes: int = 32 * 2**20
    connections: int = 1000


class BodyTooLargeError(Exception):
    """The body exceeds the limit."""


class SenderGoneError(Exception):
    """The sender closed the connection before the body was complete."""


@dataclass(slots=True, eq=False)
class _OpenBody:
    deadline: asyncio.Timeout
    size: int = 0


class BodyReader:
    """Reads bodies concurrently, within a limit for each and a limit for all together.

    If all open bodies together exceed their limit, the oldest one times out. A sender of signed deliveries finishes
    within milliseconds, so a sender that is slow on purpose displaces only other slow senders.
    """

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._open: dict[_OpenBody, None] = {}
        self._size = 0

    async def read(self, receive: Receive) -> bytes:
        """Read one body. Raise BodyTooLargeError, TimeoutError or SenderGoneError."""
        parts: list[bytes] = []
        async with asyncio.timeout(self._limits.body_seconds) as deadline:
            body = _OpenBody(deadline)
            self._open[body] = None
            try:
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise SenderGoneError
                    part = message.get("body", b"")
                    parts.append(part)
                    self._grow(body, len(part))
                    if not message.get("more_body", False):
                        return b"".join(parts)
            finally:
                del self._open[body]
                self._size -= body.size

    def _grow(self, body: _OpenBody, size: int) -> None:
        body.size += size
        self._size += size
        if body.size > self._limits.body_bytes:
            raise BodyTooLargeError
        if self._size > self._limits.open_bytes:
            oldest = next(iter(self._open))
            with suppress(RuntimeError):  # it has timed out already
                oldest.deadline.reschedule(asyncio.get_running_loop().time())


class OpenConnections:
    """The open connections of a server. If there are too many, the one that has waited longest gives way.

    A connection waits from when it is opened, or from the end of a request, to the end of the next request head. A
    sender of deliveries sends its head at once, so idle and slow connections do not keep it out.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[asyncio.Protocol] = set()
        self._waiting: OrderedDict[asyncio.Protocol, asyncio.Transport] = OrderedDict()

    @property
    def count(self) -> int:
        """The number of open connections."""
        return len(self._open)

    def opened(self, connection: asyncio.Protocol, transport: asyncio.Transport) -> None:
        """Count a new connection, and close the longest waiting one if there is no room."""
        self._open.add(connection)
        if len(self._open) > self._most:
            # If all others are in the middle of a request, the new one has to go.
            victim, its_transport = self._waiting.popitem(last=False) if self._waiting else (connection, transport)
            self._open.discard(victim)
            its_transport.abort()

    def waits(self, connection: asyncio.Protocol, transport: asyncio.Transport) -> None:
        """Note that a connection waits for a request head."""
        if connection in self._open:
            self._waiting[connection] = transport
            self._waiting.move_to_end(connection)

    def works(self, connection: asyncio.Protocol) -> None:
        """Note that the request head of a connection is complete."""
        self._waiting.pop(connection, None)

    def closed(self, connection: asyncio.Protocol) -> None:
        """Forget a connection."""
        self._waiting.pop(connection, None)
        self._open.discard(connection)


def usable_connections(wanted: int) -> int:
    """Return how many connections the process has file descriptors for, at most `wanted`.

    Raise the soft limit of the process if the hard limit allows it.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _RESERVED_DESCRIPTORS
    if soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
    return max(1, min(wanted, soft - _RESERVED_DESCRIPTORS))


def accepted_at_once(connections: int) -> int:
    """Return the backlog for a server with so many connections: asyncio accepts that many before it reads from one.

    If it were larger than the limit, new connections would give way to each other before their requests are read.
    """
    return max(1, min(128, connections // 2))


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits for request heads and for connections; it has none itself.

    uvicorn creates one for each connection, so that limits are attributes of the class (see `bounded_protocol`).
    """

    limits: HttpLimits
    open_connections: OpenConnections
    _head_bytes: int
    _in_head: bool
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and wait for its first request head."""
        super().connection_made(transport)
        self.open_connections.opened(self, transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        self.open_connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece of a request, and close the connection if the head is too large."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Checked after parsing: the same packet may contain the end of the head and a part of the body.
        if self._in_head and self._head_bytes > self.limits.head_bytes:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Wait for the rest of the head of another request."""
        super().on_message_begin()
        if not self._in_head:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Close the connection if there are too many headers, or one is too large."""
        super().on_header(name, value)
        if len(self.headers) > 128 or len(value) > self.limits.head_bytes:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Stop the time limit of the head."""
        self._stop_timer()
        self._in_head = False
        self.open_connections.works(self)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request of the connection."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.open_connections.waits(self, self.transport)

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self.open_connections.waits(self, self.transport)
        self._timer = self.loop.call_later(self.limits.head_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._timer = None
        self.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bounded_protocol(limits: HttpLimits, connections: OpenConnections) -> type[BoundedProtocol]:
    """Return the protocol of a server that has these limits and counts its connections in `connections`."""
    return type("BoundedProtocol", (BoundedProtocol,), {"limits": limits, "open_connections": connections})
