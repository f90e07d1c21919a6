"""The simulator as a running server on a loopback port, in a thread of this process."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, load
from whopwatch.errors import UsageError
from whopwatch.simulator.app import Backend, Options, create_app
from whopwatch.simulator.control import CONTROL
from whopwatch.simulator.faults import Faults

HOST = "127.0.0.1"
START_SECONDS = 10.0


@dataclass(frozen=True)
class Simulator:
    """A running simulator: where it is, what it takes as keys, and what it has been asked so far."""

    backend: Backend
    port: int

    @property
    def root(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    @property
    def base_url(self) -> str:
        """What v1 paths are appended to."""
        return f"{self.root}/api/v1"

    @property
    def v2_base_url(self) -> str:
        """What v2 paths are appended to."""
        return f"{self.root}/api/v2"

    @property
    def api_key(self) -> str:
        """The company's key, with every scope."""
        return self.backend.api_key

    @property
    def app_key(self) -> str:
        """An app's key, with every scope."""
        return self.backend.app_key

    @property
    def unscoped_key(self) -> str:
        """A valid key without any scope."""
        return self.backend.unscoped_key

    @property
    def company_id(self) -> str:
        """The company that the keys belong to."""
        return self.backend.world.company.id

    @property
    def control_url(self) -> str:
        """Where faults are switched by requests, if the simulator was started with `control`."""
        return f"{self.root}{CONTROL}"

    @property
    def faults(self) -> Faults:
        """The faults that are planted; its `switch` replaces them."""
        return self.backend.faults

    @property
    def requests(self) -> Counter[str]:
        """How many requests came in, by method."""
        return self.backend.requests

    def target(self) -> Target:
        """This simulator as a target that may be written to."""
        return Target(
            name="simulator",
            base_url=self.base_url,
            v2_base_url=self.v2_base_url,
            api_key=Secret(self.api_key),
            company_id=self.company_id,
            writable=True,
        )


@contextmanager
def embedded(
    contract: Contract | None = None,
    *,
    port: int = 0,
    options: Options | None = None,
    around: Callable[[Backend, ASGIApp], ASGIApp] | None = None,
    **settings: Any,
) -> Iterator[Simulator]:
    """A simulator that runs as long as the context, on `port` or a free one of the loopback interface.

    `settings` are single fields of Options: `embedded(seed=7, lenient=True)`. `around` makes what is served out of
    the application, a proxy for instance. Raises UsageError where the port is taken.
    """
    options = replace(options or Options(), **settings)
    app = create_app(contract or load(), options)
    backend = app.state.backend
    listener = _listen(port)
    config = uvicorn.Config(
        around(backend, app) if around else app,
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
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="simulator")
    thread.start()
    try:
        yield Simulator(backend, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()


def _listen(port: int) -> socket.socket:
    """A listening socket: from here on the kernel queues connections, so that nobody is refused while we start."""
    # Named as TCP, or asyncio does not switch Nagle off and every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            "The simulator cannot listen on this port.",
            where=f"{HOST}:{port}",
            got=error.strerror,
            hint="choose another --port, or leave it out for a free one",
        ) from None
    listener.listen(512)
    return listener
