"""Every metric of the receiver of webhooks. Labels are documented events and words of our own, never what came."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LAGS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
"""Upper bounds of the time from an event to its receipt, in seconds."""
BY_EVENT = ("event",)


class WebhookMetrics:
    """The metrics of one receiver, registered in `registry`; `events` are the ones that can come.

    `outcomes` are those of a delivery that verified, `refusals` the reasons for which anything is not taken.
    """

    def __init__(
        self, registry: CollectorRegistry, events: Iterable[str], outcomes: Iterable[str], refusals: Iterable[str]
    ) -> None:
        self.registry = registry
        self.deliveries = Counter(
            "whop_webhook_deliveries",
            "Deliveries that verified, by outcome.",
            (*BY_EVENT, "outcome"),
            registry=registry,
        )
        self.refused = Counter(
            "whop_webhook_refused", "Requests that were not taken, by reason.", ("reason",), registry=registry
        )
        self.violations = Counter(
            "whop_webhook_contract_violations", "Findings by drift class.", (*BY_EVENT, "class"), registry=registry
        )
        self.lag = Histogram(
            "whop_webhook_receipt_lag_seconds",
            "From the event to its receipt.",
            BY_EVENT,
            buckets=LAGS,
            registry=registry,
        )
        self.last_received = Gauge(
            "whop_webhook_last_received_timestamp_seconds", "Receipt of the last one.", BY_EVENT, registry=registry
        )
        self.waiting = Gauge("whop_webhook_waiting_deliveries", "Deliveries not checked yet.", registry=registry)
        self.forwarded = Counter(
            "whop_webhook_forwarded", "Deliveries passed on, by class of answer.", ("code_class",), registry=registry
        )
        self.errors = Counter("whop_webhook_check_errors", "Checks that failed by themselves.", registry=registry)
        for event in events:
            for outcome in outcomes:
                self.deliveries.labels(event, outcome)
        for reason in refusals:
            self.refused.labels(reason)
