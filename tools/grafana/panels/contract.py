"""Findings of the probes and of the nightly run, and the request budget."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, table, timeseries
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from .parts import (
    BLUE,
    BY_OPERATION,
    BY_PROBER,
    GREEN,
    GREY,
    ORANGE,
    RED,
    YELLOW,
    coloured,
    lines,
    query,
    rows,
    series,
    stacked,
    steps,
)

TITLE = "Contract and request budget"
COLLAPSED = False

MAX_NIGHTS = 21
"""The threshold of the alert WhopDriftChecksOverdue."""
SEVERITY_COLOURS = {"critical": RED, "high": ORANGE, "medium": YELLOW, "low": BLUE, "info": GREY}


def panels() -> list[timeseries.Panel | table.Panel]:
    """Return the panels of this row."""
    return [
        _by_severity(
            "Findings of probes",
            "Findings of the last probe of each operation, by severity.",
            f"sum by (severity) (whop_probe_findings{{{BY_OPERATION}}}) > 0",
        ),
        _by_severity(
            "Nightly drift",
            "Open findings of the nightly run, by severity.",
            "sum by (severity) (whop_contract_drift_findings) > 0",
        ),
        _rate_limit(),
        _hitting(),
        _incidents(),
        _nights(),
        _versions(),
    ]


def _by_severity(title: str, description: str, expression: str) -> timeseries.Panel:
    panel = stacked(lines(title, description, "short")).decimals(0).no_value("No finding")
    return coloured(panel, SEVERITY_COLOURS).with_target(query(expression, "{{severity}}"))


def _hitting() -> timeseries.Panel:
    description = "Findings that hit your own code, by the usage profile of the probers and of the nightly run."
    probes = f"sum(whop_probe_hitting_findings{{{BY_OPERATION}}})"
    panel = lines("Findings that hit your code", description, "short", width=12)
    return series(
        panel.decimals(0).no_value("No run with a usage profile"),
        (probes, "probes", ORANGE),
        ("sum(whop_contract_drift_hitting_findings)", "nightly run", RED),
    )


def _incidents() -> timeseries.Panel:
    description = "Incidents of the last nightly run: failed requests that did not repeat, and errors inside whopwatch."
    panel = stacked(lines("Incidents", description, "short", width=12), bars=True)
    shown = ("sum by (job) (whop_contract_drift_incidents)", "incidents", ORANGE)
    return series(panel.decimals(0).no_value("No nightly run"), shown)


def _nights() -> timeseries.Panel:
    return (
        lines(
            "Nights until every check ran",
            "Every check of every verified operation ran within this number of nights. The alert "
            f"WhopDriftChecksOverdue fires above {MAX_NIGHTS}.",
            "short",
            height=6,
        )
        .decimals(0)
        .no_value("No nightly run")
        .with_target(query("max without (instance) (whop_contract_drift_checks_within_nights)", "{{job}}"))
        .thresholds(steps((None, "transparent"), (MAX_NIGHTS, RED)))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE))
    )


def _versions() -> table.Panel:
    names = {"instance": "Prober", "asked": "Asked for", "seen": "In responses", "version": "Contract"}
    return (
        rows(
            "API versions", "Version asked for, version in responses, and version of the contract.", width=16, height=6
        )
        .with_target(
            query(
                f"max by (instance, asked, seen, version) (whop_contract_info{{{BY_PROBER}}} "
                f"* on (job, instance) group_left (asked, seen) whop_api_version_info{{{BY_PROBER}}})",
                instant=True,
            )
        )
        .no_value("No prober")
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True, "Value": True},
                    "indexByName": {name: index for index, name in enumerate(names)},
                    "renameByName": names,
                },
            )
        )
    )


def _rate_limit() -> timeseries.Panel:
    lowest = f"min(min_over_time(whop_ratelimit_remaining_requests{{{BY_PROBER}}}[$__rate_interval]))"
    return series(
        lines("Rate limit", "Lowest number of requests left in the key's budget, and the size of the budget.", "short"),
        (lowest, "lowest", GREEN),
        (f"max(whop_ratelimit_limit_requests{{{BY_PROBER}}})", "limit", GREY),
    )
