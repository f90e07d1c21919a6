"""The metrics of the webhook receiver. Labels are documented events and fixed words, never a string from a request."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LAG_BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0)
"""Upper bounds of the time between an event and its receipt, in seconds."""
BY_EVENT = ("event",)


class WebhookMetrics:
    """The metrics of one receiver, registered in `registry`. `events` are the documented events.

    `outcomes` are those of a delivery with a valid signature, `refusals` the reasons for refusing a request.
    """

    def __init__(
        self, registry: CollectorRegistry, events: Iterable[str], outcomes: Iterable[str], refusals: Iterable[str]
    ) -> None:
        self.registry = registry
        self.deliveries = Counter(
            "whop_webhook_deliveries",
            "Deliveries with a valid signature, by outcome.",
            (*BY_EVENT, "outcome"),
            registry=registry,
        )
        self.refused = Counter("whop_webhook_refused", "Refused requests by reason.", ("reason",), registry=registry)
        self.violations = Counter(
            "whop_webhook_contract_violations",
            "Findings of all deliveries by drift class.",
            (*BY_EVENT, "class"),
            registry=registry,
        )
        self.lag = Histogram(
            "whop_webhook_receipt_lag_seconds",
            "Time between an event and its receipt.",
            BY_EVENT,
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self.last_received = Gauge(
            "whop_webhook_last_received_timestamp_seconds",
            "Receipt of the last delivery, in Unix time.",
            BY_EVENT,
            registry=registry,
        )
        self.connections = Gauge("whop_webhook_connections", "Open connections of the receiver.", registry=registry)
        self.waiting = Gauge(
            "whop_webhook_waiting_deliveries", "Received deliveries that are not checked yet.", registry=registry
        )
        self.forwarded = Counter(
            "whop_webhook_forwarded",
            "Forwarded deliveries by status class of the response.",
            ("code_class",),
            registry=registry,
        )
        self.errors = Counter(
            "whop_webhook_check_errors", "Checks that failed with an internal error.", registry=registry
        )
        for event in events:
            for outcome in outcomes:
                self.deliveries.labels(event, outcome)
        for reason in refusals:
            self.refused.labels(reason)
