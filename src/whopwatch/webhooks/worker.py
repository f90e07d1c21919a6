"""The checks of deliveries that were answered, one after the other, in a thread of their own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from whopwatch.metrics.webhooks import WebhookMetrics
from whopwatch.signature import Signed
from whopwatch.webhooks.bounds import Bounds
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.judge import Judge, Judgement
from whopwatch.webhooks.ledger import Ledger

Keep = Callable[[Delivery, Judgement], None]


class Worker:
    """Takes deliveries as long as there is room, and judges them; `keep` is given those that break the contract."""

    def __init__(
        self, judge: Judge, ledger: Ledger, metrics: WebhookMetrics, bounds: Bounds, keep: Keep | None = None
    ) -> None:
        self._judge, self._ledger, self._metrics, self._keep = judge, ledger, metrics, keep
        self._bounds = bounds
        self._waiting: queue.SimpleQueue[tuple[Delivery, Signed] | None] = queue.SimpleQueue()
        self._room = threading.Lock()
        self._count = self._bytes = 0
        metrics.waiting.set_function(lambda: self._count)
        self._thread = threading.Thread(target=self._run, daemon=True, name="checks")
        self._thread.start()

    def take(self, delivery: Delivery, signed: Signed) -> bool:
        """Have a delivery checked; False where too many wait already. Returns at once."""
        size = len(delivery.body)
        with self._room:
            if self._count >= self._bounds.waiting or self._bytes + size > self._bounds.waiting_bytes:
                return False
            self._count += 1
            self._bytes += size
        self._waiting.put((delivery, signed))
        return True

    def finish(self) -> None:
        """Check what waits and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._waiting.get()) is not None:
            delivery, signed = taken
            try:
                self._check(delivery, signed)
            except Exception:
                # Whatever a sender thought of: the next delivery is checked all the same, and the number tells.
                self._metrics.errors.inc()
            finally:
                with self._room:
                    self._count -= 1
                    self._bytes -= len(delivery.body)

    def _check(self, delivery: Delivery, signed: Signed) -> None:
        judgement = self._judge.judge(delivery, signed)
        metrics, event = self._metrics, judgement.event
        metrics.deliveries.labels(event, judgement.outcome).inc()
        metrics.last_received.labels(event).set(delivery.received_at)
        if judgement.lag is not None:
            metrics.lag.labels(event).observe(judgement.lag)
        for finding in judgement.findings:
            metrics.violations.labels(event, finding.drift_class).inc()
        if self._keep and any(finding.breaks for finding in judgement.findings):
            self._keep(delivery, judgement)
        self._ledger.judged(judgement)
