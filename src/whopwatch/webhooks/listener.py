"""The receiver as a running server: intake, worker, ledger and metrics put together."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.metrics import new_registry
from whopwatch.metrics.statuses import code_class
from whopwatch.metrics.webhooks import WebhookMetrics
from whopwatch.signature import Refusal
from whopwatch.webhooks.bounds import Bounds
from whopwatch.webhooks.delivery import UNKNOWN, Delivery
from whopwatch.webhooks.forward import Forward
from whopwatch.webhooks.intake import REASONS, Intake, Overload
from whopwatch.webhooks.judge import Judge, Outcome
from whopwatch.webhooks.ledger import Ledger
from whopwatch.webhooks.protocol import settings
from whopwatch.webhooks.retries import Retries
from whopwatch.webhooks.worker import Keep, Worker

START_SECONDS = 10.0


@dataclass(frozen=True)
class Listener:
    """A running receiver: where it is, and what it has seen so far."""

    url: str
    ledger: Ledger
    metrics: WebhookMetrics


@contextmanager
def listening(
    contract: Contract,
    judge: Judge,
    address: tuple[str, int] = ("127.0.0.1", 0),
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 (immutable)
    refuse_every: int = 0,
    forward_to: str | None = None,
    keep: Keep | None = None,
) -> Iterator[Listener]:
    """A receiver at `address` as long as the context lasts; what was taken by its end is checked before it ends.

    `refuse_every` refuses the first attempt of every so manieth delivery, to see that it is sent again. Raises
    UsageError where the address cannot be listened at.
    """
    metrics = WebhookMetrics(new_registry(), (*contract.events, UNKNOWN), Outcome, REASONS)
    ledger, retries = Ledger(contract), Retries(refuse_every)
    worker = Worker(judge, ledger, metrics, bounds, keep)
    forward = Forward(forward_to, bounds.forward_seconds) if forward_to else None

    async def passed_on(delivery: Delivery) -> int:
        assert forward
        status = await forward(delivery)
        metrics.forwarded.labels(code_class(status)).inc()
        return status

    def note(outcome: Refusal | Overload) -> None:
        reason = outcome.reason if isinstance(outcome, Refusal) else outcome
        metrics.refused.labels(reason).inc()
        if isinstance(outcome, Refusal):
            ledger.was_refused(outcome)

    intake = Intake(judge, worker.take, note, bounds=bounds, retries=retries, forward=passed_on if forward else None)
    try:
        with _served(intake, address, bounds) as url:
            yield Listener(url, ledger, metrics)
    finally:
        worker.finish()
        ledger.add(retries.overdue(time.time()))


@contextmanager
def _served(app: Intake, address: tuple[str, int], bounds: Bounds) -> Iterator[str]:
    listener = _listen(address, bounds)
    server = uvicorn.Server(uvicorn.Config(app, **settings(bounds)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="listener")
    thread.start()
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()


def _listen(address: tuple[str, int], bounds: Bounds) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise UsageError(
            "The receiver cannot listen at this address.",
            where=f"option --listen, {address[0]}:{address[1]}",
            got=error.strerror or "an address that cannot be resolved",
            hint="choose another HOST:PORT; port 0 takes a free one",
        ) from None
    listener.listen(bounds.connections)
    return listener
