"""The running receiver: verify a delivery, queue it for the thread that checks it, respond; and its limits."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from whopwatch.contract import Contract
from whopwatch.contract.loader import describe_contract
from whopwatch.core.bounded_http import (
    BodyReader,
    BodyTooLargeError,
    HttpLimits,
    OpenConnections,
    SenderGoneError,
    usable_connections,
)
from whopwatch.core.local_server import listen, running, server_config
from whopwatch.metrics import Exposition, media_type_for, new_registry
from whopwatch.metrics.probes import code_class
from whopwatch.metrics.runs import export_contracts
from whopwatch.metrics.webhooks import WebhookMetrics
from whopwatch.signature import HeaderPairs, Reason, Refusal, Signed, check_signature_headers
from whopwatch.webhooks.checker import DeliveryChecker, DeliveryContracts, DeliveryOutcome, DeliveryResult
from whopwatch.webhooks.checks import RetryMonitor
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery
from whopwatch.webhooks.ledger import DeliveryLedger
from whopwatch.webhooks.samples import Forwarder

Enqueue = Callable[[Delivery, Signed], bool]
"""Queues a delivery for the checks; returns False if the queue is full."""
ForwardDelivery = Callable[[Delivery], Awaitable[int]]
"""Forwards a delivery to a handler; returns the status of its response."""
_UNVERIFIED = 401


@dataclass(frozen=True, slots=True)
class ReceiverLimits(HttpLimits):
    """The limits of a server, and of its deliveries: `rate` is in verified deliveries a second.

    A delivery is answered within `body_seconds` plus `forward_seconds`, which is less than the 5 s that Whop waits.
    At most `waiting` deliveries with `waiting_bytes` in total wait for the checks.
    """

    waiting: int = 5000
    waiting_bytes: int = 64 * 2**20
    rate: float = 2000.0
    forward_seconds: float = 3.0


class DeliveryRateLimit:
    """A token bucket that holds the tokens of one second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._tokens, self._at = max(rate, 1.0), time.monotonic()

    def take(self) -> bool:
        """Take a token; return False if none is left."""
        now = time.monotonic()
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Rejection(StrEnum):
    """Why a request is rejected for a reason other than its signature."""

    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    GONE = "gone"
    RATE = "rate"
    NO_ROOM = "no-room"
    TRIED_AGAIN = "retry-provoked"
    METHOD = "method"


_STATUSES = {
    Rejection.TOO_LARGE: 413,
    Rejection.TOO_SLOW: 408,
    Rejection.GONE: 400,
    Rejection.RATE: 429,
    Rejection.NO_ROOM: 503,
    Rejection.TRIED_AGAIN: 503,
    Rejection.METHOD: 405,
}
REJECTION_REASONS = (*Reason, *Rejection)


class ReceiverApp:
    """Responds with 200 to a delivery that verifies, and queues it for the checks.

    With `forward`, the handler's status is the response: if the handler fails, Whop itself retries the delivery.
    `note` is called for every request that is rejected.
    """

    def __init__(
        self,
        checker: DeliveryChecker,
        enqueue: Enqueue,
        note: Callable[[Refusal | Rejection], None],
        *,
        limits: ReceiverLimits,
        retries: RetryMonitor,
        forward: ForwardDelivery | None = None,
    ) -> None:
        self._checker, self._enqueue, self._note = checker, enqueue, note
        self._forward, self._retries = forward, retries
        self._limits, self._bodies = limits, BodyReader(limits)
        self._rate = DeliveryRateLimit(limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["method"] == "GET" and scope["path"] == "/healthz":
            response: Response = PlainTextResponse("ok\n")
        else:
            response = self._response(await self._receive(scope, receive))
        await response(scope, receive, send)

    async def _receive(self, scope: Scope, receive: Receive) -> int | Refusal | Rejection:
        if scope["method"] != "POST":
            return Rejection.METHOD
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        # Checked before the body is read: a sender whose headers are wrong does not get to send a body.
        checked = check_signature_headers(headers, time.time())
        if isinstance(checked, Refusal):
            return checked
        if _content_length(headers) > self._limits.body_bytes:
            return Rejection.TOO_LARGE
        try:
            body = await self._bodies.read(receive)
        except BodyTooLargeError:
            return Rejection.TOO_LARGE
        except TimeoutError:
            return Rejection.TOO_SLOW
        except SenderGoneError:
            return Rejection.GONE
        return await self._accept(Delivery(headers, body, time.time()))

    async def _accept(self, delivery: Delivery) -> int | Refusal | Rejection:
        signed = self._checker.verify(delivery)
        if isinstance(signed, Refusal):
            return signed
        if not self._rate.take():
            return Rejection.RATE
        if self._retries.should_refuse(signed.id, delivery.received_at):
            return Rejection.TRIED_AGAIN
        if not self._enqueue(delivery, signed):
            return Rejection.NO_ROOM
        return await self._forward(delivery) if self._forward else 200

    def _response(self, outcome: int | Refusal | Rejection) -> Response:
        if isinstance(outcome, int):
            return Response(status_code=outcome)
        self._note(outcome)
        # The rest of a rejected body is not read.
        headers = {"connection": "close"}
        if isinstance(outcome, Refusal):
            return PlainTextResponse(f"{outcome.reason}\n", _UNVERIFIED, headers)
        if outcome in (Rejection.RATE, Rejection.NO_ROOM):
            headers["retry-after"] = "1"
        return PlainTextResponse(f"{outcome}\n", _STATUSES[outcome], headers)


def _content_length(headers: HeaderPairs) -> int:
    """Return the announced length of the body, 0 if the request does not announce one."""
    text = next((value for name, value in headers if name == "content-length"), "")
    return int(text[:20]) if text.isascii() and text.isdigit() else 0


SaveDelivery = Callable[[Delivery, DeliveryResult], None]
ReceiverEvent = DeliveryResult | Refusal | Rejection
"""What happened to a request: it was checked, its signature was refused, or it was rejected for another reason."""
_METRICS_LIMITS = ReceiverLimits(connections=128)


@dataclass(frozen=True)
class Listener:
    """A running receiver: its URL, and what it has received so far."""

    url: str
    ledger: DeliveryLedger
    metrics: WebhookMetrics


@contextmanager
def run_listener(
    contract: Contract | DeliveryContracts,
    checker: DeliveryChecker,
    address: tuple[str, int] = ("127.0.0.1", 0),
    *,
    limits: ReceiverLimits = ReceiverLimits(),
    refuse_every: int = 0,
    forward_to: str | None = None,
    save: SaveDelivery | None = None,
    report: Callable[[ReceiverEvent], None] = lambda _: None,
) -> Iterator[Listener]:
    """Run a receiver at `address` while the context lasts. On exit it first checks all accepted deliveries.

    `refuse_every` refuses the first attempt of every Nth delivery, to check that it is retried. `save` is called for
    deliveries that break the contract, `report` for every request. Raise UsageError if the address cannot be used.
    """
    events = list(contract.events)
    metrics = WebhookMetrics(new_registry(), (*events, UNKNOWN_EVENT), DeliveryOutcome, REJECTION_REASONS)
    used = contract.all if isinstance(contract, DeliveryContracts) else [contract]
    export_contracts(map(describe_contract, used), metrics.registry)
    ledger, retries = DeliveryLedger(events), RetryMonitor(refuse_every)
    worker = CheckWorker(checker, ledger, metrics, limits, save, report)
    forwarder = Forwarder(forward_to, limits.forward_seconds) if forward_to else None

    async def forward(delivery: Delivery) -> int:
        assert forwarder
        status = await forwarder(delivery)
        metrics.forwarded.labels(code_class(status)).inc()
        return status

    def note(outcome: Refusal | Rejection) -> None:
        metrics.refused.labels(outcome.reason if isinstance(outcome, Refusal) else outcome).inc()
        if isinstance(outcome, Refusal):
            ledger.record_refusal(outcome)
        report(outcome)

    app = ReceiverApp(
        checker, worker.enqueue, note, limits=limits, retries=retries, forward=forward if forwarder else None
    )
    try:
        with _serve(app, address, limits, "--listen", metrics) as url:
            yield Listener(url, ledger, metrics)
    finally:
        worker.finish()
        ledger.add_findings(retries.overdue(time.time()))


class CheckWorker:
    """Checks queued deliveries one after another in its own thread."""

    def __init__(
        self,
        checker: DeliveryChecker,
        ledger: DeliveryLedger,
        metrics: WebhookMetrics,
        limits: ReceiverLimits,
        save: SaveDelivery | None = None,
        report: Callable[[ReceiverEvent], None] = lambda _: None,
    ) -> None:
        self._checker, self._ledger, self._metrics = checker, ledger, metrics
        self._save, self._report = save, report
        self._limits = limits
        self._waiting: queue.SimpleQueue[tuple[Delivery, Signed] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._count = self._bytes = 0
        metrics.waiting.set_function(lambda: self._count)
        self._thread = threading.Thread(target=self._run, daemon=True, name="checks")
        self._thread.start()

    def enqueue(self, delivery: Delivery, signed: Signed) -> bool:
        """Queue a delivery for the checks; return False at once if the queue is full."""
        size = len(delivery.body)
        with self._lock:
            if self._count >= self._limits.waiting or self._bytes + size > self._limits.waiting_bytes:
                return False
            self._count += 1
            self._bytes += size
        self._waiting.put((delivery, signed))
        return True

    def finish(self) -> None:
        """Check the remaining deliveries and stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            delivery, signed = item
            try:
                self._check(delivery, signed)
            except Exception:
                # A check that fails on one delivery must not stop the worker; the metric counts it.
                self._metrics.errors.inc()
            finally:
                with self._lock:
                    self._count -= 1
                    self._bytes -= len(delivery.body)

    def _check(self, delivery: Delivery, signed: Signed) -> None:
        result = self._checker.check(delivery, signed)
        metrics, event = self._metrics, result.event
        metrics.deliveries.labels(event, result.outcome).inc()
        metrics.last_received.labels(event).set(delivery.received_at)
        if result.lag is not None:
            metrics.lag.labels(event).observe(result.lag)
        for finding in result.findings:
            metrics.violations.labels(event, finding.drift_class).inc()
        if self._save and any(finding.breaks for finding in result.findings):
            self._save(delivery, result)
        self._ledger.record(result)
        self._report(result)


@contextmanager
def serve_metrics(metrics: WebhookMetrics, address: tuple[str, int]) -> Iterator[str]:
    """Serve the metrics at `address` while the context lasts; yield the URL. It has connections of its own.

    Raise UsageError if the address cannot be used.
    """

    exposition = Exposition([], [metrics.registry])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        media_type = media_type_for(Headers(scope=scope).get("accept", ""))
        response = Response(b"".join(exposition.render(media_type)), headers={"Content-Type": media_type})
        await response(scope, receive, send)

    with _serve(app, address, _METRICS_LIMITS, "--metrics") as url:
        yield f"{url}/metrics"


@contextmanager
def _serve(
    app: ASGIApp, address: tuple[str, int], limits: ReceiverLimits, option: str, metrics: WebhookMetrics | None = None
) -> Iterator[str]:
    listener = listen(address, "receiver", option=option, backlog=limits.connections)
    connections = OpenConnections(usable_connections(limits.connections))
    if metrics is not None:
        metrics.connections.set_function(lambda: connections.count)
    config = server_config(
        app,
        limits,
        connections,
        lifespan="off",
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
    )
    host, port = listener.getsockname()[:2]
    with closing(listener), running(config, [listener], "receiver"):
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
