"""The simulator as a running server on a loopback port, in a thread of this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from starlette.types import ASGIApp

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, load
from whopwatch.core.local_server import HOST, served
from whopwatch.simulator.app import Backend, Options, create_app
from whopwatch.simulator.control import CONTROL, EVENTS
from whopwatch.simulator.faults import Faults


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
    def keys(self) -> dict[str, str]:
        """The keys that were asked for, by name."""
        return {name: key.value for name, key in self.backend.keys.items()}

    @property
    def unscoped_key(self) -> str:
        """A valid key without any scope."""
        return self.backend.unscoped_key

    @property
    def company_id(self) -> str:
        """The company that the keys belong to."""
        return self.backend.world.company.id

    @property
    def mcp_url(self) -> str:
        """Where the MCP server listens (streamable HTTP; SSE is at /sse beside it). Needs the library `mcp`."""
        return f"{self.root}/mcp"

    @property
    def control_url(self) -> str:
        """Where faults are switched by requests, if the simulator was started with `control`."""
        return f"{self.root}{CONTROL}"

    @property
    def events_url(self) -> str:
        """Where events are made to happen by requests, if the simulator was started with `control`."""
        return f"{self.root}{EVENTS}"

    @property
    def faults(self) -> Faults:
        """The faults that are planted; its `switch` replaces them."""
        return self.backend.faults

    @property
    def webhook_secret(self) -> str:
        """The secret that deliveries of webhooks are signed with."""
        return self.backend.composer.secret

    def happen(self, event: str) -> list[str]:
        """Let a webhook event happen; what comes of it is sent to the webhook. Returns the ids of the deliveries.

        Raises UsageError for an event that the contract does not know.
        """
        return [parcel.id for parcel in self.backend.happen(event)]

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
    application = around(backend, app) if around else app
    try:
        with served(application, name="simulator", port=port) as bound:
            yield Simulator(backend, bound)
    finally:
        backend.close()
