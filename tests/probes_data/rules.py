"""Read the rule files and their promtool tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from whopwatch.contract_build.files import read_yaml
from whopwatch.metrics import McpMetrics, ProbeMetrics, new_registry
from whopwatch.metrics.webhooks import WebhookMetrics

PROMETHEUS = Path(__file__).parents[2] / "probes" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yaml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yaml"))

# Exported by nightly runs; the metrics of prober and receiver are read from their registries.
_OTHERS = {
    f"{run}_{name}"
    for run in ("whop_contract_drift", "whop_sdk")
    for name in ("findings", "hitting_findings", "last_success_timestamp_seconds")
}
_OTHERS |= {f"whop_contract_drift_{name}" for name in ("checks_within_nights", "incidents", "requests")}
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def exported() -> frozenset[str]:
    """Return the name of every series that whopwatch exports."""
    registry = new_registry()
    ProbeMetrics(registry)
    McpMetrics(registry)
    WebhookMetrics(registry, (), (), ())
    families = [(family.name, _SUFFIXES.get(family.type, ("",))) for family in registry.collect()]
    return frozenset(name + suffix for name, suffixes in families for suffix in suffixes) | _OTHERS


def load(path: Path) -> dict[str, Any]:
    """Parse a YAML file that holds one mapping."""
    parsed = read_yaml(path)
    assert isinstance(parsed, dict)
    return parsed


def _rules(kind: str) -> list[dict[str, Any]]:
    groups = [group for path in RULE_FILES for group in load(path)["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in _rules("alert")}
RECORDS: dict[str, dict[str, Any]] = {rule["record"]: rule for rule in _rules("record")}


def metric_names(text: str) -> set[str]:
    """Return the metrics and recorded series in a PromQL expression."""
    return set(re.findall(r"(?<![\w:$])(?:\w+:)?whop_\w+(?::\w+)?", text))
