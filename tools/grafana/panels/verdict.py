"""The top row: is anything wrong? Tiles are green if all is well, red if action is needed, grey without data."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat
from variables import BY_TARGET

from .parts import BY_OPERATION, BY_PROBER, GREEN, GREY, ORANGE, RED, YELLOW, steps, tile

TITLE = None
COLLAPSED = False

# A step below every value: only a missing value has the colour below it, grey.
LOWEST = -1e9


def panels() -> list[stat.Panel]:
    """Return the eight tiles."""
    none_is_good = steps((None, GREY), (0, GREEN), (1, RED))
    some_may_be = steps((None, GREY), (0, GREEN), (1, ORANGE))
    return [
        tile(
            "Failing now",
            "Operations whose last probe failed.",
            f"count(whop_probe_success{{{BY_OPERATION}}} == 0) or 0 * count(whop_probe_success{{{BY_OPERATION}}})",
        ).thresholds(none_is_good),
        tile(
            "Findings",
            "Critical and high findings of the last probe of each operation.",
            f'sum(whop_probe_findings{{{BY_OPERATION},severity=~"critical|high"}})',
        ).thresholds(none_is_good),
        tile(
            "Burn rate, 1 h",
            "Errors as a multiple of what the objective of 99.9 % allows. 14.4 over an hour pages.",
            f"max(job:whop_probe_errors:burnrate1h{{{BY_TARGET}}})",
            unit="suffix:×",
        )
        .decimals(1)
        .thresholds(steps((None, GREY), (0, GREEN), (1, YELLOW), (6, ORANGE), (14.4, RED))),
        tile(
            "Budget left",
            "Rest of the 30-day error budget at 99.9 %. Below zero the objective is missed; shown down to -100 %.",
            f"clamp_min(min(job:whop_probe_error_budget_remaining:ratio30d{{{BY_TARGET}}}), -1)",
            unit="percentunit",
        )
        .decimals(0)
        .thresholds(steps((None, GREY), (LOWEST, RED), (0, ORANGE), (0.25, YELLOW), (0.5, GREEN))),
        tile(
            "Nightly drift",
            "Critical and high findings of the last nightly run.",
            'sum(whop_contract_drift_findings{severity=~"critical|high"}) or 0 * max(whop_contract_drift_requests)',
        )
        .no_value("no run")
        .thresholds(some_may_be),
        tile(
            "Requests left",
            "Lowest share of a key's request budget in two minutes.",
            f"min(min_over_time(whop_ratelimit_remaining_requests{{{BY_PROBER}}}[2m]) "
            f"/ (whop_ratelimit_limit_requests{{{BY_PROBER}}} > 0))",
            unit="percentunit",
        )
        .decimals(0)
        .no_value("unknown")
        .thresholds(steps((None, GREY), (0, RED), (0.1, ORANGE), (0.25, GREEN))),
        tile(
            "Stale",
            "Operations that were not probed for three intervals. Their values here are old.",
            f"count(time() - whop_probe_last_run_timestamp_seconds{{{BY_OPERATION}}} "
            f"> 3 * whop_probe_interval_seconds{{{BY_OPERATION}}}) "
            f"or 0 * count(whop_probe_interval_seconds{{{BY_OPERATION}}})",
        ).thresholds(some_may_be),
        tile(
            "Probers down",
            "Probers that Prometheus cannot scrape, and missing shards. A prober that is both counts once.",
            _probers_down(),
        )
        .no_value("no prober")
        .thresholds(none_is_good),
    ]


def _probers_down() -> str:
    """Count a lost shard once: a listed target stays and is down, a discovered target disappears."""
    down = f'up{{job="whopwatch",{BY_TARGET}}} == bool 0'
    shards = f"max by (job, location) (whop_prober_shards{{{BY_TARGET}}})"
    present = (
        f'count by (job, location) (count_values by (job, location) ("index", whop_prober_shard_index{{{BY_TARGET}}}))'
    )
    gone = f"clamp_min({shards} - {present} - sum by (job, location) ({down}), 0)"
    return f"sum({down}) + (sum({gone}) or vector(0))"
