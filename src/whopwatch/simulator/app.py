"""The simulated API as a Starlette application: v1 below /api/v1, v2 below /api/v2."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from whopwatch.contract import Contract, Operation
from whopwatch.simulator.actions import Actions
from whopwatch.simulator.auth import Grant, Key, Keys, derived_key, granted, limits, scopes_of
from whopwatch.simulator.control import CONTROL, EVENTS, control, happen
from whopwatch.simulator.deliveries import Composer, Sender, Webhook
from whopwatch.simulator.faults import Faults
from whopwatch.simulator.idempotency import Idempotency
from whopwatch.simulator.on_demand import McpOnDemand
from whopwatch.simulator.paging import Cursors, binding_of, page_of
from whopwatch.simulator.params import body_value, check_headers, query_values
from whopwatch.simulator.parcel import Parcel
from whopwatch.simulator.pipeline import Call, Pipeline, Wrapper, respond
from whopwatch.simulator.problem import ApiError, not_found
from whopwatch.simulator.project import Projector
from whopwatch.simulator.relations import PAGE_PARAMETERS
from whopwatch.simulator.routes import Routes
from whopwatch.simulator.select import select
from whopwatch.simulator.subscribers import addressed, webhooks
from whopwatch.simulator.world import World

SERVER = "whopwatch-simulator (not Whop)"
PREFIX = "/api/"


@dataclass(frozen=True)
class Options:
    """How a simulator behaves.

    `items` per list, None for the default; `api_key` in place of the seed's own, `keys` beside it; `lenient` answers
    any key and any id; `wrappers` change single steps of single operations; `faults` (`NAME` or `NAME@OPERATION`) are
    planted from the start, and with `control` they can be switched by requests; `clock` drives the rate limit of
    `rate_limit` requests for each operation and key in `rate_seconds`; what happens is told to the `webhook`, if there
    is one, and to webhooks on this machine that are made through the API. `world` is one to go on from, made with the
    same seed and items.
    """

    seed: int = 0
    items: int | None = None
    api_key: str | None = None
    keys: Sequence[Grant] = ()
    lenient: bool = False
    wrappers: Sequence[Wrapper] = ()
    faults: Sequence[str] = ()
    control: bool = False
    rate_limit: int = 600
    rate_seconds: float = 60.0
    webhook: Webhook | None = None
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    world: World | None = field(default=None, repr=False)


class Backend:
    """What stands behind the application: the world, the keys, the pipeline, and a count of what was asked."""

    def __init__(self, contract: Contract, options: Options) -> None:
        self.contract = contract
        self.options = options
        self.world = options.world or World(contract, seed=options.seed, items=options.items)
        scopes = scopes_of(contract)
        self.api_key = options.api_key or derived_key(options.seed, "company")
        self.app_key = derived_key(options.seed, "app")
        self.unscoped_key = derived_key(options.seed, "unscoped")
        self.keys = granted(contract, options.keys, options.seed)
        self.requests: Counter[str] = Counter()
        known = {
            **{key.value: key for key in self.keys.values()},
            self.unscoped_key: Key(self.unscoped_key, "company", frozenset()),
            self.app_key: Key(self.app_key, "app", scopes),
            self.api_key: Key(self.api_key, "company", scopes),
        }
        self._keys = Keys(known, options.lenient)
        self._limits = limits(contract, options.rate_limit, options.rate_seconds, options.clock)
        self._routes = Routes(contract)
        self._actions = Actions(self.world, options.lenient)
        self._projector = Projector(self.world)
        self._idempotency = Idempotency()
        self._pipeline = Pipeline(
            (
                ("route", self._route),
                ("authenticate", self._authenticate),
                ("limit", self._spend),
                ("validate", self._validate),
                ("replay", self._idempotency.replay),
                ("act", self._act),
                ("page", self._page),
                ("project", self._project),
            ),
            options.wrappers,
        )
        self.faults = Faults(contract, self.world, lambda planted: self._pipeline.wrap((*options.wrappers, *planted)))
        self.faults.switch(options.faults)
        self._lock = threading.RLock()
        self._webhook = options.webhook or Webhook()
        self.composer = Composer(contract, self.world, self.faults, self._webhook.secret, self._webhook.retries)
        self.sender: Sender | None = None

    def happen(self, event: str) -> list[Parcel]:
        """Let a webhook event happen; what comes of it is sent to whoever is to be told, and returned.

        Raises UsageError for an event that the contract does not know.
        """
        with self._lock:
            parcels = self.composer.make(self.contract.event(event), time.time())
            self._send(parcels)
        return parcels

    def close(self) -> None:
        """Send no more deliveries."""
        if self.sender:
            self.sender.stop()

    def _send(self, parcels: Sequence[Parcel]) -> None:
        deliveries = [one for parcel in parcels for one in addressed(self.world, parcel, self._webhook.url)]
        if deliveries and self.sender is None:
            self.sender = Sender(self._webhook, self.composer)
        for delivery in deliveries if self.sender else ():
            self.sender.send(delivery)  # type: ignore[union-attr]

    def _has_receivers(self) -> bool:
        return self._webhook.url is not None or any(webhooks(self.world))

    def answer(self, call: Call) -> Response:
        """The response to one request, whatever it is: an error of our own is a 500 envelope."""
        with self._lock:
            if call.method == "GET" or not self._has_receivers():
                return self._answer(call)
            parcels: list[Parcel] = []
            with self.composer.watching(parcels, time.time()):
                response = self._answer(call)
            self._send(parcels)
        return response

    def _answer(self, call: Call) -> Response:
        self.requests[call.method] += 1
        try:
            response = self._pipeline.run(call)
            self._idempotency.remember(call, response)
        except Exception:
            call.status, call.response = 500, None
            call.payload = ApiError(500, "Something went wrong on our side.").envelope(call.api)
            respond(call)
            assert call.response is not None
            return call.response
        return response

    def knows(self, header: str | None) -> bool:
        """Whether an `Authorization` header carries a key that is accepted at all."""
        return self._keys.find(header) is not None or self.options.lenient

    def offer(self, operation: Operation, tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The tool of an operation as the MCP server lists it; None where it is not offered."""
        call = Call(operation.method, operation.api, operation.path, (), {}, b"", operation, payload=tool)
        self._pipeline.step("offer", call)
        shown: Mapping[str, Any] | None = call.payload
        return shown

    def _route(self, call: Call) -> None:
        found = self._routes.find(call.api, call.method, call.path)
        if found is None:
            raise not_found("path")
        call.operation, call.path_params = found

    def _authenticate(self, call: Call) -> None:
        call.key = self._keys.authenticate(call.headers.get("authorization"), call.matched)

    def _spend(self, call: Call) -> None:
        if not self.options.lenient:
            self._limits[call.api].spend(call.matched.id if call.api == "v1" else call.api, call.key)

    def _validate(self, call: Call) -> None:
        operation = call.matched
        check_headers(operation, call.headers)
        call.query = query_values(self.contract, operation, call.query_pairs)
        call.body = body_value(self.contract, operation, call.raw_body)

    def _act(self, call: Call) -> None:
        if call.matched.is_list:
            query = {**call.query, **call.path_params}
            call.rows, call.listing = select(self.world, call.matched, query, lenient=self.options.lenient)
            chosen = {name: value for name, value in call.query.items() if name not in PAGE_PARAMETERS}
            call.cursors = Cursors(binding_of(call.matched.id, call.path_params, chosen, self.options.seed))
            return
        shown = self._actions.run(call)
        call.rows = [] if shown is None else [shown]

    def _page(self, call: Call) -> None:
        if call.listing is None or call.cursors is None:
            return
        call.page = page_of(call.listing, call.query, call.cursors, lenient=self.options.lenient)
        call.rows = call.rows[call.page.start : call.page.stop]

    def _project(self, call: Call) -> None:
        view = self.world.views.of_operation.get(call.matched.id)
        if view is None or not (call.rows or call.page):
            call.payload = True
            return
        expand = frozenset(call.query.get("expand[]", ()))
        shown = [self._projector.show(row, view, expand=expand) for row in call.rows]
        call.payload = {"data": shown, "page_info": dict(call.page.info)} if call.page else shown[0]


def create_app(contract: Contract, options: Options | None = None) -> Starlette:
    """The application; its `state.backend` is the Backend."""
    backend = Backend(contract, options or Options())
    app = Starlette()
    app.router.default = McpOnDemand(backend, Endpoint(backend))
    app.state.backend = backend
    return app


class Endpoint:
    """Hands every request to the backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole request, answer it, and name the server for what it is."""
        request = Request(scope, receive)
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        api, _, below = path.removeprefix(PREFIX).partition("/")
        call = Call(
            method=request.method,
            api=api if path.startswith(PREFIX) else "",
            path=f"/{below}",
            query_pairs=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers=request.headers,
            raw_body=await request.body(),
        )
        if self._backend.options.control and path == CONTROL:
            response = control(self._backend.faults, call.method, call.headers, call.raw_body)
        elif self._backend.options.control and path == EVENTS:
            response = happen(self._backend.happen, call.method, call.headers, call.raw_body)
        else:
            response = self._backend.answer(call)
        response.headers["Server"] = SERVER
        await response(scope, receive, send)
