"""Webhooks as a receiver sees them. Collapsed: not every watch has one."""

from __future__ import annotations

from typing import Any

from .operations import OUTCOME_COLOURS
from .parts import BY_PROBER, always, lines, prop, query, rows, stacked

TITLE = "Webhooks"
COLLAPSED = True


def panels() -> list[Any]:
    """Return the panels of this row."""
    lag = lines("Receipt lag", "From the event's own time to its receipt.", "s")
    for ref, quantile in (("A", 0.5), ("B", 0.95), ("C", 0.99)):
        lag = lag.with_target(
            query(
                f"histogram_quantile({quantile}, sum by (le) "
                f"(rate(whop_webhook_receipt_lag_seconds_bucket{{{BY_PROBER}}}[$__rate_interval])))",
                f"p{quantile * 100:.0f}",
                ref,
            )
        )
    deliveries = stacked(lines("Deliveries by outcome", "Deliveries a minute.", "short"), bars=True).with_target(
        query(
            f"60 * sum by (outcome) (rate(whop_webhook_deliveries_total{{{BY_PROBER}}}[$__rate_interval]))",
            "{{outcome}}",
        )
    )
    for outcome in ("success", "contract"):
        deliveries = deliveries.override_by_name(outcome, always(OUTCOME_COLOURS[outcome]))
    received = (
        rows("Last received", "When each event was received last.", width=8, height=8)
        .with_target(
            query(
                f"sort(1000 * max by (event) (whop_webhook_last_received_timestamp_seconds{{{BY_PROBER}}}))",
                instant=True,
            )
        )
        .override_by_name("Value", [prop("unit", "dateTimeFromNow")])
    )
    return [lag, deliveries, received]
