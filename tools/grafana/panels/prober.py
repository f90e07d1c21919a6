"""The prober itself: schedule, load and memory."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from .parts import BLUE, BY_PROBER, GREEN, ORANGE, RED, YELLOW, lines, prop, quantiles, series

TITLE = "Prober"
COLLAPSED = False


def panels() -> list[timeseries.Panel]:
    """Return the panels of this row."""
    return [_lag(), _runs(), _size()]


def _lag() -> timeseries.Panel:
    panel = lines("Schedule lag", "Delay of runs behind their scheduled start.", "s")
    return quantiles(panel, "whop_prober_schedule_lag_seconds", BY_PROBER, (0.5, GREEN), (0.99, ORANGE))


def _runs() -> timeseries.Panel:
    description = "Runs at the same time, runs that could not start in time, and checks that failed inside whopwatch."
    chosen = f"{{{BY_PROBER}}}[$__rate_interval]"
    return series(
        lines("Active and missed runs", description, "short"),
        (f"sum(whop_prober_inflight_probes{{{BY_PROBER}}})", "active", BLUE),
        (f"60 * sum(rate(whop_prober_missed_runs_total{chosen}))", "missed per minute", RED),
        (f"sum(rate(whop_probe_throttled_seconds_total{chosen}))", "paused after 429", YELLOW),
        (f"60 * sum(rate(whop_prober_failed_checks_total{chosen}))", "failed checks per minute", None),
    )


def _size() -> timeseries.Panel:
    chosen = f'job="whopwatch",{BY_PROBER}'
    panel = series(
        lines("Memory and CPU", "Resident memory. Right axis: cores in use.", "bytes"),
        (f"process_resident_memory_bytes{{{chosen}}}", "memory {{instance}}", None),
        (f"rate(process_cpu_seconds_total{{{chosen}}}[$__rate_interval])", "cpu {{instance}}", None),
    )
    right_axis = [prop("unit", "percentunit"), prop("custom.axisPlacement", "right"), prop("custom.fillOpacity", 0)]
    return panel.override_by_regexp("/^cpu/", right_axis)
