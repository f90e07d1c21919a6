"""Listen at an address, and serve an ASGI application on a loopback port in a thread of this process."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from whopwatch.core.errors import UsageError

if TYPE_CHECKING:
    import uvicorn
    from uvicorn._types import ASGIApplication

    from whopwatch.core.bounded_http import HttpLimits, OpenConnections

HOST = "127.0.0.1"
STOP_SECONDS = 10.0
START_POLL_SECONDS = 0.002
LOCAL_CONNECTIONS = 500
QUEUED_CONNECTIONS = 512
"""Connections that the kernel keeps until a server accepts them."""


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
    server in errors. With `lifespan` the application is informed of start and end. Raise UsageError if the port is
    taken or the server does not start.
    """
    from whopwatch.core.bounded_http import HttpLimits, OpenConnections, usable_connections

    limits = HttpLimits(connections=LOCAL_CONNECTIONS)
    connections = OpenConnections(usable_connections(limits.connections))
    config = server_config(app, limits, connections, lifespan="on" if lifespan else "off", timeout_graceful_shutdown=1)
    listener = listen((host, port), name, hint="choose another --port, or leave it out for a free one")
    listeners = [listener, *([_listen_at(path)] if path else [])]
    try:
        with running(config, listeners, name):
            yield listener.getsockname()[1]
    finally:
        for each in listeners:
            each.close()


@contextmanager
def running(config: uvicorn.Config, listeners: Sequence[socket.socket], name: str) -> Iterator[None]:
    """Run a server in a thread while the context is open. Raise `UsageError` if it ends before it has started."""
    import uvicorn

    server, ended = uvicorn.Server(config), SimpleQueue[str]()

    def run() -> None:
        try:
            server.run(sockets=list(listeners))
            ended.put("it ended at once")
        except BaseException as error:  # its message may quote a request
            ended.put(type(error).__name__)

    thread = threading.Thread(target=run, daemon=True, name=name)
    thread.start()
    try:
        while not server.started:
            with suppress(Empty):
                raise UsageError(f"The {name} did not start.", got=ended.get(timeout=START_POLL_SECONDS))
        yield
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)


def server_config(
    app: ASGIApplication | Any, limits: HttpLimits, connections: OpenConnections, **more: Any
) -> uvicorn.Config:
    """Return the settings of a server that enforces `limits`; `more` are further settings of uvicorn."""
    import uvicorn

    from whopwatch.core.bounded_http import accepted_at_once, bounded_protocol

    return uvicorn.Config(
        app,
        http=bounded_protocol(limits, connections),
        log_config=None,
        # The simulator truncates responses on purpose, which the server would log as errors.
        log_level="critical",
        access_log=False,
        server_header=False,
        ws="none",
        loop="asyncio",
        backlog=accepted_at_once(limits.connections),
        **more,
    )


def _listen_at(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(QUEUED_CONNECTIONS)
    return listener


def listen(
    address: tuple[str, int],
    server: str,
    *,
    option: str = "",
    hint: str = "choose another HOST:PORT; port 0 takes a free one",
    backlog: int = QUEUED_CONNECTIONS,
) -> socket.socket:
    """Return a listening socket. The kernel queues `backlog` connections, so none is refused while the server starts.

    Raise UsageError, which names the `server` and the `option` with the address, if it cannot listen there.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    # The protocol is given, or asyncio does not disable Nagle's algorithm and every response takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # use the port of a server that has just ended; on Windows it may be of a running one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The {server} cannot listen at this address.",
            where=(f"option {option}, " if option else "") + f"{address[0]}:{address[1]}",
            got=error.strerror or "an address that does not resolve",
            hint=hint,
        ) from None
    return listener
