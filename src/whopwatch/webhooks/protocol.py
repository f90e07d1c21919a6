"""uvicorn's HTTP protocol with bounds for what comes before a request: it has none of its own there."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from whopwatch.webhooks.bounds import Bounds


def bounded_protocol(bounds: Bounds) -> type[HttpToolsProtocol]:
    """A protocol that ends a connection whose headers are too large or too long in coming."""

    class BoundedProtocol(HttpToolsProtocol):
        _head_bytes = 0
        _in_head = True
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._in_head:
                self._head_bytes += len(data)
            super().data_received(data)
            # A body may have come with the head; what is still no head after so much never will be one.
            if self._in_head and self._head_bytes > bounds.head_bytes:
                self.transport.abort()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if not self._in_head:
                self._await_head()

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            if len(self.headers) > 128 or len(value) > bounds.head_bytes:
                self.transport.abort()

        def on_headers_complete(self) -> None:
            self._stop_timer()
            self._in_head, self._head_bytes = False, 0
            super().on_headers_complete()

        def _await_head(self) -> None:
            self._in_head = True
            self._timer = self.loop.call_later(bounds.head_seconds, self._too_slow)

        def _too_slow(self) -> None:
            self._timer = None
            self.transport.abort()

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return BoundedProtocol


def settings(bounds: Bounds) -> dict[str, Any]:
    """The settings of a uvicorn server that takes no more than `bounds`."""
    return {
        "http": bounded_protocol(bounds),
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "limit_concurrency": bounds.connections,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 5,
        "backlog": 1024,
    }
