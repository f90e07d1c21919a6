"""Reads the rule files and their promtool tests for the tests of this folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

PROMETHEUS = Path(__file__).parents[2] / "probes" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yaml"))

# Every metric that the prober, the nightly run and the webhook listener export.
METRICS = frozenset(
    {
        "whop_contract_drift_findings",
        "whop_contract_drift_last_run_timestamp_seconds",
        "whop_contract_drift_last_success_timestamp_seconds",
        "whop_contract_info",
        "whop_probe_duration_seconds_bucket",
        "whop_probe_duration_seconds_count",
        "whop_probe_duration_seconds_sum",
        "whop_probe_findings",
        "whop_probe_info",
        "whop_probe_interval_seconds",
        "whop_probe_last_run_timestamp_seconds",
        "whop_probe_last_success_timestamp_seconds",
        "whop_probe_latency_threshold_seconds",
        "whop_probe_maintenance",
        "whop_probe_objective_ratio",
        "whop_probe_phase_duration_seconds_bucket",
        "whop_probe_phase_duration_seconds_count",
        "whop_probe_phase_duration_seconds_sum",
        "whop_probe_runs_total",
        "whop_probe_success",
        "whop_probe_throttled_seconds_total",
        "whop_prober_build_info",
        "whop_prober_config_last_reload_successful",
        "whop_prober_config_last_reload_timestamp_seconds",
        "whop_prober_inflight_probes",
        "whop_prober_missed_runs_total",
        "whop_prober_schedule_lag_seconds_bucket",
        "whop_prober_shard_index",
        "whop_prober_shards",
        "whop_ratelimit_limit_requests",
        "whop_ratelimit_remaining_requests",
        "whop_ratelimit_reset_timestamp_seconds",
        "whop_webhook_deliveries_total",
        "whop_webhook_last_received_timestamp_seconds",
        "whop_webhook_receipt_lag_seconds_bucket",
    }
)


def load(path: Path) -> dict[str, Any]:
    """Parse a YAML file that holds one mapping."""
    parsed = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(parsed, dict)
    return parsed


def _rules(kind: str) -> list[dict[str, Any]]:
    groups = [group for path in RULE_FILES for group in load(path)["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in _rules("alert")}
RECORDS: dict[str, dict[str, Any]] = {rule["record"]: rule for rule in _rules("record")}


def metric_names(text: str) -> set[str]:
    """Return the metrics and recorded series of whopwatch that a PromQL expression names."""
    return set(re.findall(r"(?<![\w:$])(?:\w+:)?whop_\w+(?::\w+)?", text))
