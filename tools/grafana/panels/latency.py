"""Latency, its phases, the slowest operations, and the resources that use their error budget."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.models import common as model
from variables import BY_TARGET

from .parts import (
    BLUE,
    BY_OPERATION,
    BY_PROBER,
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    lines,
    logarithmic,
    quantiles,
    query,
    series,
    stacked,
    steps,
)

TITLE = "Latency and error budget"
COLLAPSED = False

PHASE_COLOURS = {"dns": "purple", "connect": BLUE, "tls": "#37872d", "ttfb": ORANGE, "transfer": YELLOW}


def panels() -> list[timeseries.Panel]:
    """Return the panels of this row."""
    return [_quantiles(), _phases(), _slowest(), _burn()]


def _quantiles() -> timeseries.Panel:
    panel = lines("Latency", "Duration of the probes of all selected operations.", "s", width=12, lowest=None)
    shown = (0.5, GREEN), (0.95, ORANGE), (0.99, RED)
    return quantiles(logarithmic(panel), "whop_probe_duration_seconds", BY_OPERATION, *shown)


def _phases() -> timeseries.Panel:
    panel = stacked(
        lines("Latency by phase", "Mean duration of each phase of a probe, over all operations.", "s", width=12)
    )
    return series(panel, *((_mean_duration(phase), phase, colour) for phase, colour in PHASE_COLOURS.items()))


def _mean_duration(phase: str) -> str:
    chosen = f'{BY_PROBER},phase="{phase}"'
    return (
        f"sum(rate(whop_probe_phase_duration_seconds_sum{{{chosen}}}[$__rate_interval])) "
        f"/ (sum(rate(whop_probe_phase_duration_seconds_count{{{chosen}}}[$__rate_interval])) > 0)"
    )


def _slowest() -> timeseries.Panel:
    return logarithmic(
        lines(
            "Slowest operations, p95",
            "The six slowest operations of this time range. Each point covers 15 minutes.",
            "s",
            width=12,
            lowest=None,
        )
    ).with_target(
        query(
            "histogram_quantile(0.95, sum by (operation, le) "
            f"(rate(whop_probe_duration_seconds_bucket{{{BY_OPERATION}}}[15m]))) "
            "and on (operation) topk(6, histogram_quantile(0.95, sum by (operation, le) "
            f"(rate(whop_probe_duration_seconds_bucket{{{BY_OPERATION}}}[$__range] @ end()))))",
            "{{operation}}",
        )
    )


def _burn() -> timeseries.Panel:
    return (
        lines(
            "Burn rate by resource, 1 h",
            "Errors of each resource, as a multiple of what its objective allows. 14.4 pages.",
            "suffix:×",
            width=12,
        )
        .with_target(
            query(
                f'resource:whop_probe_errors:burnrate1h{{{BY_TARGET},resource=~"$resource"}} and on (resource) '
                f"topk(6, max by (resource) (max_over_time(resource:whop_probe_errors:burnrate1h{{{BY_TARGET},"
                'resource=~"$resource"}[$__range] @ end())) > 0)',
                "{{resource}}",
            )
        )
        .no_value("No resource uses its error budget")
        .thresholds(steps((None, "transparent"), (6, ORANGE), (14.4, RED)))
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(model.GraphThresholdsStyleMode.DASHED))
    )
