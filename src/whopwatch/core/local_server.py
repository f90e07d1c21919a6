"""Serve an ASGI application on a loopback port, in a thread of this process."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whopwatch.core.errors import UsageError

if TYPE_CHECKING:
    import uvicorn
    from uvicorn._types import ASGIApplication

HOST = "127.0.0.1"
STOP_SECONDS = 10.0
LOCAL_CONNECTIONS = 500


@contextmanager
def served(
    app: ASGIApplication | Any,
    *,
    name: str,
    port: int = 0,
    host: str = HOST,
    path: Path | None = None,
    lifespan: bool = False,
) -> Iterator[int]:
    """Serve `app` while the context is open, on `port` of `host` or on a free port; yield the port.

    Idle and slow connections give way to new ones. `path` is where to listen at a UNIX socket, too. `name` names the
    server in errors. With `lifespan` the application is informed of start and end. Raises `UsageError` if the port is
    taken.
    """
    import uvicorn

    listener = _listen(host, port, name)
    listeners = [listener, *([_listen_at(path)] if path else [])]
    server = uvicorn.Server(_server_config(app, lifespan=lifespan))
    thread = threading.Thread(target=server.run, kwargs={"sockets": listeners}, daemon=True, name=name)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        for each in listeners:
            each.close()


def _server_config(app: ASGIApplication | Any, *, lifespan: bool) -> uvicorn.Config:
    import uvicorn

    from whopwatch.core.bounded_http import (
        HttpLimits,
        OpenConnections,
        accepted_at_once,
        bounded_protocol,
        usable_connections,
    )

    limits = HttpLimits(connections=LOCAL_CONNECTIONS)
    connections = OpenConnections(usable_connections(limits.connections))
    return uvicorn.Config(
        app,
        http=bounded_protocol(limits, connections),
        log_config=None,
        # The simulator truncates responses on purpose, which the server would log as errors.
        log_level="critical",
        access_log=False,
        server_header=False,
        lifespan="on" if lifespan else "off",
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=1,
        backlog=accepted_at_once(limits.connections),
    )


def reuse_address(listener: socket.socket) -> None:
    """Let `listener` use the port of a server that has just ended. On Windows it could take that of a running one."""
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _listen_at(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(512)
    return listener


def _listen(host: str, port: int, name: str) -> socket.socket:
    """Return a listening socket. The kernel queues connections from here on, so none is refused while we start."""
    # The protocol is given, or asyncio does not disable Nagle's algorithm and every response takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    reuse_address(listener)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The {name} cannot listen on this port.",
            where=f"{host}:{port}",
            got=error.strerror,
            hint="choose another --port, or leave it out for a free one",
        ) from None
    listener.listen(512)
    return listener
