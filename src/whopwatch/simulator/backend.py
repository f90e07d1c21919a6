"""What is behind the simulated API: world, keys, faults, webhooks, and the steps that answer a request."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import PAGING
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.simulator.api.actions import Actions
from whopwatch.simulator.api.errors import ApiError, error_body, not_found
from whopwatch.simulator.api.keys import (
    ApiKey,
    Idempotency,
    KeyGrant,
    KeyStore,
    derived_key,
    keys_of_grants,
    rate_limits,
    scopes_of,
)
from whopwatch.simulator.api.lists import Cursors, binding_of, requested_page, select_rows, size_limits
from whopwatch.simulator.api.pipeline import EMPTY_RESPONSE, ApiCall, Pipeline, StepWrapper, respond
from whopwatch.simulator.api.request import Routes, body_value, check_request_headers, query_values
from whopwatch.simulator.events import (
    DeliveryComposer,
    DeliverySender,
    OutgoingDelivery,
    WebhookOptions,
    addressed,
    reachable_webhooks,
)
from whopwatch.simulator.faults import ActiveFaults
from whopwatch.simulator.world.projection import Projector
from whopwatch.simulator.world.tables import World

MCP_STREAMABLE, MCP_SSE, MCP_MESSAGES = "/mcp", "/sse", "/messages/"
"""The paths of the simulator's MCP server."""


@dataclass(frozen=True)
class SimulatorOptions:
    """How a simulator behaves.

    `items` is the number of items per list, None for the default. `api_key` replaces the key that is derived from the
    seed, `keys` adds more. With `lenient`, every key is accepted and every id exists. `faults` (`NAME` or
    `NAME@OPERATION`) are active from the start; with `control`, requests can replace them and trigger events.
    `wrappers` change single steps. A key may send `rate_limit` requests per operation in `rate_seconds`, measured by
    `clock`. Events are sent to `webhook` and to webhooks on this machine that are created through the API. `log` gets a
    line for each request, `on_call` each request once it is answered. `world` is used instead of a new one; it must
    have the same seed and number of items.
    """

    seed: int = 0
    items: int | None = None
    api_key: str | None = None
    keys: Sequence[KeyGrant] = ()
    lenient: bool = False
    wrappers: Sequence[StepWrapper] = ()
    faults: Sequence[str] = ()
    control: bool = False
    rate_limit: int = 600
    rate_seconds: float = 60.0
    webhook: WebhookOptions | None = None
    log: Callable[[str], None] | None = field(default=None, repr=False)
    on_call: Callable[[ApiCall], None] | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    world: World | None = field(default=None, repr=False)


class Backend:
    """Answers the requests of one simulator. `requests` counts them by method."""

    def __init__(self, contract: Contract, options: SimulatorOptions) -> None:
        self.contract = contract
        self.options = options
        self.world = options.world or World(contract, seed=options.seed, items=options.items)
        self.requests: Counter[str] = Counter()
        self._create_keys()
        self._limits = rate_limits(contract, options.rate_limit, options.rate_seconds, options.clock)
        self._routes = Routes(contract)
        self._actions = Actions(self.world, options.lenient)
        self._projector = Projector(self.world)
        self._idempotency = Idempotency()
        self._pipeline = Pipeline(
            (
                ("route", self._route),
                ("authenticate", self._authenticate),
                ("limit", self._count_request),
                ("validate", self._validate),
                ("replay", self._idempotency.replay),
                ("act", self._act),
                ("page", self._page),
                ("project", self._project),
            ),
            options.wrappers,
            self._error_body,
        )
        self.faults = ActiveFaults(contract, self.world, self._wrap)
        self.faults.switch(options.faults)
        self._lock = threading.RLock()
        self._webhook = options.webhook or WebhookOptions()
        self.composer = DeliveryComposer(
            contract, self.world, self._webhook.secret, self._webhook.retries, self.faults.delivery_wrappers
        )
        self.sender: DeliverySender | None = None

    def _create_keys(self) -> None:
        options, every_scope = self.options, scopes_of(self.contract)
        self.api_key = options.api_key or derived_key(options.seed, "company")
        self.app_key = derived_key(options.seed, "app")
        self.unscoped_key = derived_key(options.seed, "unscoped")
        self.keys = keys_of_grants(self.contract, options.keys, options.seed)
        known = {
            **{key.value: key for key in self.keys.values()},
            self.unscoped_key: ApiKey(self.unscoped_key, "company", frozenset()),
            self.app_key: ApiKey(self.app_key, "app", every_scope),
            self.api_key: ApiKey(self.api_key, "company", every_scope),
        }
        self._keys = KeyStore(known, options.lenient)

    def _wrap(self, wrappers: Sequence[StepWrapper]) -> None:
        self._pipeline.wrap((*self.options.wrappers, *wrappers))

    def trigger(self, event: str) -> list[OutgoingDelivery]:
        """Make a webhook event occur, send all deliveries that this causes, and return them.

        Raise UsageError for an event that the contract does not have.
        """
        with self._lock:
            deliveries = self.composer.trigger(self.contract.event(event), time.time())
            self._send(deliveries)
        return deliveries

    def close(self) -> None:
        """Stop sending deliveries."""
        if self.sender:
            self.sender.stop()

    def _send(self, deliveries: Sequence[OutgoingDelivery]) -> None:
        outgoing = [copy for one in deliveries for copy in addressed(self.world, one, self._webhook.url)]
        if outgoing and self.sender is None:
            self.sender = DeliverySender(self._webhook, self.composer)
        for delivery in outgoing if self.sender else ():
            self.sender.send(delivery)  # type: ignore[union-attr]

    def _has_receivers(self) -> bool:
        return self._webhook.url is not None or any(reachable_webhooks(self.world))

    def answer(self, call: ApiCall) -> Response:
        """Answer one request. An error in the simulator itself is a response with status 500."""
        with self._lock:
            # Without a receiver nothing has to be compared: that keeps reads and plain writes fast.
            if call.method == "GET" or not self._has_receivers():
                return self._answer(call)
            deliveries: list[OutgoingDelivery] = []
            with self.composer.watching(deliveries, time.time()):
                response = self._answer(call)
            self._send(deliveries)
        return response

    def _answer(self, call: ApiCall) -> Response:
        self.requests[call.method] += 1
        if self.contract.version:
            call.response_headers[VERSION_HEADER] = self.contract.version
        try:
            response = self._pipeline.run(call)
            self._idempotency.remember(call, response)
        except Exception:
            call.status, call.response = 500, None
            call.payload = self._error_body(call, ApiError(500, "Something went wrong on our side."))
            respond(call)
            assert call.response is not None
            return call.response
        return response

    def _error_body(self, call: ApiCall, problem: ApiError) -> Any:
        return error_body(self.contract, call.operation, problem, call.api)

    def accepts_key(self, header: str | None) -> bool:
        """Return whether an `Authorization` header holds a known key."""
        return self._keys.find(header) is not None or self.options.lenient

    def offered_tool(self, operation: Operation, tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return an operation's tool as the MCP server lists it, None if a fault hides it."""
        call = ApiCall(operation.method, operation.api, operation.path, (), {}, b"", operation, payload=tool)
        self._pipeline.step("offer", call)
        shown: Mapping[str, Any] | None = call.payload
        return shown

    def _route(self, call: ApiCall) -> None:
        found = self._routes.find(call.api, call.method, call.path)
        if found is None:
            raise not_found("path")
        call.operation, call.path_params = found
        call.status = call.operation.success.status

    def _authenticate(self, call: ApiCall) -> None:
        call.key = self._keys.authenticate(call.headers.get("authorization"), call.matched)

    def _count_request(self, call: ApiCall) -> None:
        if not self.options.lenient:
            self._limits[call.api].count(call.matched.id if call.api == "v1" else call.api, call.key)

    def _validate(self, call: ApiCall) -> None:
        operation = call.matched
        check_request_headers(self.contract, operation, call.headers, self.options.lenient)
        call.query = query_values(self.contract, operation, call.query_pairs)
        call.body = body_value(self.contract, operation, call.raw_body)

    def _act(self, call: ApiCall) -> None:
        operation = call.matched
        view = self.world.views.of_operation.get(operation.id)
        if view and view.form in ("list", "array") and operation.is_read:
            query = {**call.query, **call.path_params}
            call.rows, call.order = select_rows(self.world, operation, query, lenient=self.options.lenient)
            filters = {name: value for name, value in call.query.items() if name not in PAGING}
            call.cursors = Cursors(binding_of(operation.id, call.path_params, filters, self.options.seed))
            return
        call.rows = self._actions.run(call)

    def _page(self, call: ApiCall) -> None:
        if call.order is None or call.cursors is None:
            return
        sizes = size_limits(self.contract, call.matched)
        call.page = requested_page(call.order, call.query, call.cursors, sizes, lenient=self.options.lenient)
        call.total = len(call.rows)
        call.rows = call.rows[call.page.start : call.page.stop]

    def _project(self, call: ApiCall) -> None:
        operation = call.matched
        view = self.world.views.of_operation.get(operation.id)
        if view is None:
            has_body = "application/json" in operation.success.media_types
            call.payload = True if operation.success.schema is not None else {} if has_body else EMPTY_RESPONSE
            return
        if view.form == "value":
            call.payload = self._projector.show_value(view, ":".join(call.path_params.values()))
            return
        expand = frozenset(call.query.get("expand[]", ()))
        shown = [self._projector.show(row, view, expand=expand) for row in call.rows]
        if view.form == "object":
            call.payload = shown[0]
            return
        info = call.page.info if call.page else {}
        call.payload = self._projector.show_list(view, shown, call.total, info)
