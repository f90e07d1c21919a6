"""The running receiver: an HTTP server that verifies deliveries, and a thread that checks them."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from whopwatch.contract import Contract
from whopwatch.contract.loader import describe_contract
from whopwatch.core.bounded_http import OpenConnections, usable_connections
from whopwatch.core.errors import UsageError
from whopwatch.core.local_server import reuse_address
from whopwatch.metrics import Exposition, media_type_for, new_registry
from whopwatch.metrics.probes import code_class
from whopwatch.metrics.runs import export_contracts
from whopwatch.metrics.webhooks import WebhookMetrics
from whopwatch.signature import Refusal, Signed
from whopwatch.webhooks.checker import DeliveryChecker, DeliveryOutcome, DeliveryResult
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery
from whopwatch.webhooks.handler import Forwarder
from whopwatch.webhooks.intake import REJECTION_REASONS, ReceiverApp, ReceiverLimits, Rejection, server_settings
from whopwatch.webhooks.ledger import DeliveryLedger
from whopwatch.webhooks.repeats import RetryMonitor
from whopwatch.webhooks.versions import DeliveryContracts

_STOP_SECONDS = 10.0

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
    limits: ReceiverLimits = ReceiverLimits(),  # noqa: B008 (immutable)
    refuse_every: int = 0,
    forward_to: str | None = None,
    save: SaveDelivery | None = None,
    report: Callable[[ReceiverEvent], None] = lambda _: None,
) -> Iterator[Listener]:
    """Run a receiver at `address` while the context lasts. On exit it first checks all accepted deliveries.

    `refuse_every` refuses the first attempt of every Nth delivery, to check that it is retried. `save` is called for
    deliveries that break the contract, `report` for every request. Raises UsageError if the address cannot be used.
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

    Raises UsageError if the address cannot be used.
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
    listener = _bind(address, limits, option)
    connections = OpenConnections(usable_connections(limits.connections))
    if metrics is not None:
        metrics.connections.set_function(lambda: connections.count)
    server = uvicorn.Server(uvicorn.Config(app, **server_settings(limits, connections)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="listener")
    thread.start()
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listener.close()


def _bind(address: tuple[str, int], limits: ReceiverLimits, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    reuse_address(listener)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise UsageError(
            "The receiver cannot listen at this address.",
            where=f"option {option}, {address[0]}:{address[1]}",
            got=error.strerror or "an address that cannot be resolved",
            hint="choose another HOST:PORT; port 0 takes a free one",
        ) from None
    listener.listen(limits.connections)
    return listener
