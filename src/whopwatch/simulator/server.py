"""Run the simulator as a server on a loopback port, in a thread of this process."""

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
from whopwatch.simulator.app import EVENTS_PATH, FAULTS_PATH, create_app
from whopwatch.simulator.backend import Backend, SimulatorOptions
from whopwatch.simulator.faults import ActiveFaults


@dataclass(frozen=True)
class Simulator:
    """A running simulator: its URLs, keys and request counts."""

    backend: Backend
    port: int
    host: str = HOST

    @property
    def root(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The base URL of v1 paths."""
        return f"{self.root}/api/v1"

    @property
    def v2_base_url(self) -> str:
        """The base URL of v2 paths."""
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
        """The keys of `SimulatorOptions.keys`, by name."""
        return {name: key.value for name, key in self.backend.keys.items()}

    @property
    def unscoped_key(self) -> str:
        """A valid key without any scope."""
        return self.backend.unscoped_key

    @property
    def company_id(self) -> str:
        """The company that the keys belong to."""
        return self.backend.world.account.id

    @property
    def mcp_url(self) -> str:
        """The URL of the MCP server (streamable HTTP; SSE is at /sse). Needs the library `mcp`."""
        return f"{self.root}/mcp"

    @property
    def control_url(self) -> str:
        """The endpoint that replaces the active faults, if the simulator was started with `control`."""
        return f"{self.root}{FAULTS_PATH}"

    @property
    def events_url(self) -> str:
        """The endpoint that triggers events, if the simulator was started with `control`."""
        return f"{self.root}{EVENTS_PATH}"

    @property
    def faults(self) -> ActiveFaults:
        """The active faults; `switch` replaces them."""
        return self.backend.faults

    @property
    def webhook_secret(self) -> str:
        """The secret that signs webhook deliveries."""
        return self.backend.composer.secret

    def trigger(self, event: str) -> list[str]:
        """Make a webhook event occur and send its deliveries. Return the ids of all deliveries that this causes.

        Raise UsageError for an event that the contract does not have.
        """
        return [delivery.id for delivery in self.backend.trigger(event)]

    @property
    def requests(self) -> Counter[str]:
        """The number of requests by method."""
        return self.backend.requests

    def target(self) -> Target:
        """Return this simulator as a writable target."""
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
    host: str = HOST,
    options: SimulatorOptions | None = None,
    around: Callable[[Backend, ASGIApp], ASGIApp] | None = None,
    **settings: Any,
) -> Iterator[Simulator]:
    """Run a simulator within this context, on `port` of `host` or on a free port.

    `settings` are fields of SimulatorOptions: `embedded(seed=7, lenient=True)`. `around` wraps the application, for
    example in a proxy. Raise UsageError if the port is in use.
    """
    options = replace(options or SimulatorOptions(), **settings)
    app = create_app(contract or load(), options)
    backend = app.state.backend
    application = around(backend, app) if around else app
    try:
        with served(application, name="simulator", port=port, host=host) as bound:
            yield Simulator(backend, bound, host)
    finally:
        backend.close()
