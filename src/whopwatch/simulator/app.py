"""The simulated API as a Starlette application: v1 below /api/v1, v2 below /api/v2, MCP at /mcp and /sse.

With `control`, two endpoints beside the API replace the active faults and trigger webhook events. `Simulator` runs the
application as a server on a loopback port, in a thread of this process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, load
from whopwatch.core.bounded_http import BodyReader, BodyTooLargeError, HttpLimits, SenderGoneError
from whopwatch.core.errors import UsageError
from whopwatch.core.local_server import HOST, served
from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.backend import MCP_MESSAGES, MCP_SSE, MCP_STREAMABLE, Backend, SimulatorOptions
from whopwatch.simulator.events import OutgoingDelivery
from whopwatch.simulator.faults import ActiveFaults

if TYPE_CHECKING:
    from whopwatch.simulator.mcp_server import McpServer


FAULTS_PATH = "/__simulator__/faults"
EVENTS_PATH = "/__simulator__/events"
SERVER_HEADER = "whopwatch-simulator (not Whop)"
API_PREFIX = "/api/"
BODY_LIMITS = HttpLimits(body_bytes=8 * 2**20, body_seconds=20.0, open_bytes=64 * 2**20)
MCP_NOT_INSTALLED = {"error": "the simulator's MCP server needs the library mcp: install whopwatch with its extra mcp"}


def handle_faults(faults: ActiveFaults, method: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer `GET` with the active faults, and `PUT` of `{"faults": [...]}` by replacing them first."""
    if method == "PUT":
        if not _is_json(headers):
            return _not_json()
        try:
            faults.switch(_names("faults", body))
        except UsageError as error:
            return _invalid(error)
    elif method != "GET":
        return JSONResponse({"error": "GET or PUT"}, 405)
    return JSONResponse({"faults": list(faults.active)})


def handle_events(
    trigger: Callable[[str], list[OutgoingDelivery]], method: str, headers: Mapping[str, str], body: bytes
) -> Response:
    """Trigger the events of a `POST` of `{"events": [...]}`. Answer with all events that occurred because of it."""
    if method != "POST":
        return JSONResponse({"error": "POST"}, 405)
    if not _is_json(headers):
        return _not_json()
    try:
        deliveries = [one for name in _names("events", body) for one in trigger(name)]
    except UsageError as error:
        return _invalid(error)
    return JSONResponse({"events": [delivery.event for delivery in deliveries]})


def _names(key: str, body: bytes) -> list[str]:
    """Return the names in a body of the form `{key: [...]}`. Raise UsageError for any other body."""
    value: Any = parse_json(body)[0]
    names = value.get(key) if isinstance(value, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f'expected {{"{key}": ["NAME", ...]}}')
    return names


def _is_json(headers: Mapping[str, str]) -> bool:
    """Check that the media type is JSON: a web page cannot send that to another origin without a preflight request."""
    return headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _not_json() -> Response:
    return JSONResponse({"error": "expected the header content-type: application/json"}, 415)


def _invalid(error: UsageError) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def create_app(contract: Contract, options: SimulatorOptions | None = None) -> Starlette:
    """Return the application; its `state.backend` is the Backend."""
    backend = Backend(contract, options or SimulatorOptions())
    app = Starlette()
    app.router.default = McpOnDemand(backend, Endpoint(backend))
    app.state.backend = backend
    return app


class Endpoint:
    """Hands every request to the backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._bodies = BodyReader(BODY_LIMITS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole request and answer it. The `Server` header says that this is not Whop."""
        request = Request(scope, receive)
        rejected = _rejected(request)
        try:
            body = b"" if rejected else await self._bodies.read(receive)
        except BodyTooLargeError:
            rejected = _error(413, f"The body is larger than {BODY_LIMITS.body_bytes} bytes.")
        except TimeoutError:
            rejected = _error(408, f"The body did not arrive within {BODY_LIMITS.body_seconds:g} s.")
        except SenderGoneError:
            return
        if rejected:
            await rejected(scope, receive, send)
            return
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        api, _, below = path.removeprefix(API_PREFIX).partition("/")
        call = ApiCall(
            method=request.method,
            api=api if path.startswith(API_PREFIX) else "",
            path=f"/{below}",
            query_pairs=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers=request.headers,
            raw_body=body,
        )
        if self._backend.options.control and path == FAULTS_PATH:
            response = handle_faults(self._backend.faults, call.method, call.headers, call.raw_body)
        elif self._backend.options.control and path == EVENTS_PATH:
            response = handle_events(self._backend.trigger, call.method, call.headers, call.raw_body)
        else:
            response = self._backend.answer(call)
        response.headers["Server"] = SERVER_HEADER
        if self._backend.options.log:
            operation = call.operation.id if call.operation else "-"
            # The path as sent: parts that do not print are percent-encoded in it.
            self._backend.options.log(f"{call.method} {path} {operation} {response.status_code}")
        if self._backend.options.on_call:
            self._backend.options.on_call(call)
        await response(scope, receive, send)


def _rejected(request: Request) -> JSONResponse | None:
    """Return the 403 for a request that a web page of another site sends, None for any other.

    A browser sends such requests without asking first, and with `lenient` they need no key.
    """
    origin = request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).hostname != request.url.hostname
    if is_foreign or request.headers.get("sec-fetch-site") == "cross-site":
        return _error(403, "The simulator accepts no request from web pages of other sites.")
    return None


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse(
        {"error": {"type": "invalid_request_error", "message": message}}, status, {"connection": "close"}
    )


class McpOnDemand:
    """Serves the MCP paths; every other request goes to `rest`.

    The MCP server starts with the first request to it: its library takes longer to load than everything else.
    """

    def __init__(self, backend: Backend, rest: ASGIApp) -> None:
        self._backend = backend
        self._rest = rest
        self._lock = asyncio.Lock()
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["path"] not in (MCP_STREAMABLE, MCP_SSE, MCP_MESSAGES):
            await self._rest(scope, receive, send)
            return
        try:
            server = await self._started()
        except ImportError:
            await JSONResponse(MCP_NOT_INSTALLED, 501)(scope, receive, send)
            return
        await server(scope, receive, send)

    async def _started(self) -> McpServer:
        async with self._lock:
            if self._server is None:
                module = await asyncio.to_thread(import_module, "whopwatch.simulator.mcp_server")
                server: McpServer = module.McpServer(self._backend)
                ready = asyncio.Event()
                self._running = asyncio.create_task(_keep_running(server, ready))
                await ready.wait()
                self._server = server
            return self._server


async def _keep_running(server: McpServer, ready: asyncio.Event) -> None:
    """Run the server until the event loop ends."""
    async with server.run():
        ready.set()
        await asyncio.Event().wait()


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
    try:
        with served(around(backend, app) if around else app, name="simulator", port=port, host=host) as bound:
            yield Simulator(backend, bound, host)
    finally:
        backend.close()
