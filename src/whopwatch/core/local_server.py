"""An ASGI application as a running server on a loopback port, in a thread of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from whopwatch.core.errors import UsageError

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

HOST = "127.0.0.1"
STOP_SECONDS = 10.0


@contextmanager
def served(app: ASGIApplication | Any, *, name: str, port: int = 0) -> Iterator[int]:
    """Serve `app` as long as the context, on `port` or a free one; yields the port.

    `name` is what an error calls it. Raises UsageError where the port is taken.
    """
    import uvicorn

    listener = _listen(port, name)
    config = uvicorn.Config(
        app,
        log_config=None,
        # Answers that are cut off on purpose are errors to the server.
        log_level="critical",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        loop="asyncio",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name=name)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        listener.close()


def _listen(port: int, name: str) -> socket.socket:
    """A listening socket: from here on the kernel queues connections, so that nobody is refused while we start."""
    # Named as TCP, or asyncio does not switch Nagle off and every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The {name} cannot listen on this port.",
            where=f"{HOST}:{port}",
            got=error.strerror,
            hint="choose another --port, or leave it out for a free one",
        ) from None
    listener.listen(512)
    return listener
