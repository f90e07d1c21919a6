"""Webhooks, as a receiver sees them. Collapsed, because not every installation has one."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from .parts import BLUE, GREEN, GREY, ORANGE, RED, coloured, lines, prop, quantiles, query, rows, series, stacked

TITLE = "Webhooks"
COLLAPSED = True

BY_RECEIVER = 'job="whopwatch-webhooks",location=~"$location"'
OUTCOME_COLOURS = {"ok": GREEN, "drift": "purple", "duplicate": BLUE}
REASON_COLOURS = {"missing-header": GREY, "mismatch": RED}
CODE_COLOURS = {"2xx": GREEN, "3xx": BLUE, "4xx": ORANGE, "5xx": RED}


def panels() -> list[Any]:
    """Return the panels of this row."""
    return [_deliveries(), _refused(), _forwarded(), _lag(), _broken(), _received()]


def _a_minute(title: str, description: str, metric: str, label: str, colours: dict[str, str]) -> timeseries.Panel:
    """Return bars of a counter's rate per minute, by one of its labels."""
    panel = stacked(lines(title, description, "short"), bars=True).with_target(
        query(f"60 * sum by ({label}) (rate({metric}{{{BY_RECEIVER}}}[$__rate_interval])) > 0", f"{{{{{label}}}}}")
    )
    return coloured(panel, colours)


def _deliveries() -> timeseries.Panel:
    return _a_minute(
        "Deliveries by outcome",
        "Deliveries with a valid signature, per minute.",
        "whop_webhook_deliveries_total",
        "outcome",
        OUTCOME_COLOURS,
    )


def _refused() -> timeseries.Panel:
    title, description = (
        "Refused by reason",
        "Refused requests per minute. missing-header: not signed, so not from Whop.",
    )
    panel = _a_minute(title, description, "whop_webhook_refused_total", "reason", REASON_COLOURS)
    return panel.no_value("No request was refused")


def _forwarded() -> timeseries.Panel:
    title, description = "Forwarded", "Responses of the handler to forwarded deliveries, per minute."
    panel = _a_minute(title, description, "whop_webhook_forwarded_total", "code_class", CODE_COLOURS)
    return panel.no_value("No delivery is forwarded")


def _lag() -> timeseries.Panel:
    panel = lines("Receipt lag", "Time between an event and its receipt.", "s")
    shown = (0.5, GREEN), (0.95, ORANGE), (0.99, RED)
    return quantiles(panel, "whop_webhook_receipt_lag_seconds", BY_RECEIVER, *shown)


def _broken() -> timeseries.Panel:
    description = "Deliveries of 15 minutes that broke the contract (*: an undocumented event), and waiting checks."
    drift = f'whop_webhook_deliveries_total{{{BY_RECEIVER},outcome="drift"}}[15m]'
    return series(
        lines("Contract violations and checks", description, "short"),
        (f"sum by (event) (increase({drift})) > 0", "{{event}}", None),
        (f"sum(whop_webhook_waiting_deliveries{{{BY_RECEIVER}}})", "waiting", GREY),
        (f"sum(increase(whop_webhook_check_errors_total{{{BY_RECEIVER}}}[15m]))", "failed checks", RED),
    )


def _received() -> Any:
    return (
        rows("Last received", "When each event was received last. *: an undocumented event.", width=8, height=8)
        .with_target(
            query(
                f"sort(1000 * max by (event) (whop_webhook_last_received_timestamp_seconds{{{BY_RECEIVER}}}))",
                instant=True,
            )
        )
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "renameByName": {"event": "Event", "Value": "Received"},
                },
            )
        )
        .override_by_name("Received", [prop("unit", "dateTimeFromNow")])
    )
