"""The prober itself: schedule, load and memory."""

from __future__ import annotations

from grafana_foundation_sdk.builders import timeseries

from .parts import BLUE, BY_PROBER, GREEN, ORANGE, RED, YELLOW, always, lines, prop, query

TITLE = "Prober"
COLLAPSED = False


def panels() -> list[timeseries.Panel]:
    """Return the panels of this row."""
    return [_lag(), _runs(), _size()]


def _lag() -> timeseries.Panel:
    panel = lines("Schedule lag", "Delay of runs behind their scheduled start.", "s")
    for ref, quantile, colour in (("A", 0.5, GREEN), ("B", 0.99, ORANGE)):
        name = f"p{quantile * 100:.0f}"
        panel = panel.with_target(
            query(
                f"histogram_quantile({quantile}, sum by (le) "
                f"(rate(whop_prober_schedule_lag_seconds_bucket{{{BY_PROBER}}}[$__rate_interval])))",
                name,
                ref,
            )
        ).override_by_name(name, always(colour))
    return panel


def _runs() -> timeseries.Panel:
    return (
        lines(
            "Active and missed runs",
            "Runs at the same time, runs that could not start in time, and checks that failed inside whopwatch.",
            "short",
        )
        .with_target(query(f"sum(whop_prober_inflight_probes{{{BY_PROBER}}})", "active"))
        .with_target(
            query(
                f"60 * sum(rate(whop_prober_missed_runs_total{{{BY_PROBER}}}[$__rate_interval]))",
                "missed per minute",
                "B",
            )
        )
        .with_target(
            query(
                f"sum(rate(whop_probe_throttled_seconds_total{{{BY_PROBER}}}[$__rate_interval]))",
                "paused after 429",
                "C",
            )
        )
        .with_target(
            query(
                f"60 * sum(rate(whop_prober_failed_checks_total{{{BY_PROBER}}}[$__rate_interval]))",
                "failed checks per minute",
                "D",
            )
        )
        .override_by_name("active", always(BLUE))
        .override_by_name("missed per minute", always(RED))
        .override_by_name("paused after 429", always(YELLOW))
    )


def _size() -> timeseries.Panel:
    chosen = f'job="whopwatch",{BY_PROBER}'
    return (
        lines("Memory and CPU", "Resident memory. Right axis: cores in use.", "bytes")
        .with_target(query(f"process_resident_memory_bytes{{{chosen}}}", "memory {{instance}}"))
        .with_target(query(f"rate(process_cpu_seconds_total{{{chosen}}}[$__rate_interval])", "cpu {{instance}}", "B"))
        .override_by_regexp(
            "/^cpu/",
            [prop("unit", "percentunit"), prop("custom.axisPlacement", "right"), prop("custom.fillOpacity", 0)],
        )
    )
