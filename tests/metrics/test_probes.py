"""The prober's metrics: names that alerts use, bounded cardinality, counters that start at 0."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from whopwatch.core.exchange import Phases
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.metrics import (
    OPENMETRICS_TYPE,
    OUTCOMES,
    Exposition,
    OperationSeries,
    ProbeMetrics,
    ProbeOutcome,
    new_registry,
)

PHASES = [Phases(dns=0.001, connect=0.002, ttfb=0.05, transfer=0.003, total=0.056)]
OF_OPERATIONS = 149
BOUND = 46
"""Series of one operation, histogram buckets included, before any run found something."""


def watched(operation: str, path: str = "/products") -> OperationSeries:
    return OperationSeries(operation, operation.partition(".")[0], "GET", path, 60.0, 2.0, 0.99)


def finding(severity: Severity, drift_class: str = "D5") -> Finding:
    return Finding(drift_class, "schema", severity, "products.list", "/data/*/id", "present", "absent", "gone")


@pytest.fixture
def metrics() -> ProbeMetrics:
    made = ProbeMetrics(new_registry())
    made.set_operations([watched("products.list")])
    return made


def sample(metrics: ProbeMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def run(
    metrics: ProbeMetrics, outcome: ProbeOutcome, *findings: Finding, status: int | None = 200, at: float = 9.0
) -> None:
    judged = findings if status else None
    metrics.record_run(
        "products.list", outcome, at=at, phases=PHASES, status=status, findings=judged, exemplar={"run_id": "00ff"}
    )


def test_every_outcome_starts_at_zero(metrics: ProbeMetrics) -> None:
    counts = {
        outcome: sample(metrics, "whop_probe_runs_total", operation="products.list", outcome=outcome)
        for outcome in OUTCOMES
    }
    assert counts == dict.fromkeys(OUTCOMES, 0.0)
    assert sample(metrics, "whop_prober_missed_runs_total", operation="products.list") == 0


def test_an_operation_that_never_ran_neither_succeeded_nor_failed(metrics: ProbeMetrics) -> None:
    for name in ("whop_probe_success", "whop_probe_last_run_timestamp_seconds", "whop_probe_findings"):
        assert f"\n{name}{{".encode() not in generate_latest(metrics.registry)


def test_a_success(metrics: ProbeMetrics) -> None:
    run(metrics, ProbeOutcome.SUCCESS, at=9.0)
    run(metrics, ProbeOutcome.TIMEOUT, status=None, at=10.0)
    assert sample(metrics, "whop_probe_success", operation="products.list") == 0
    assert sample(metrics, "whop_probe_last_run_timestamp_seconds", operation="products.list") == 10
    assert sample(metrics, "whop_probe_last_success_timestamp_seconds", operation="products.list") == 9
    assert sample(metrics, "whop_probe_duration_seconds_count", operation="products.list") == 2
    assert sample(metrics, "whop_probe_phase_duration_seconds_count", phase="connect") == 2
    assert sample(metrics, "whop_probe_phase_duration_seconds_count", phase="tls") == 0


def test_findings_that_hit_are_exported_once_findings_have_an_impact(metrics: ProbeMetrics) -> None:
    def hitting() -> float | None:
        return sample(metrics, "whop_probe_hitting_findings", operation="products.list", severity="critical")

    run(metrics, ProbeOutcome.CONTRACT, finding(Severity.CRITICAL))
    assert hitting() is None, "without a usage profile nothing says what hits"
    unused = replace(finding(Severity.CRITICAL), impact=Impact.UNUSED)
    run(metrics, ProbeOutcome.CONTRACT, unused)
    assert hitting() == 0
    run(metrics, ProbeOutcome.CONTRACT, unused, replace(unused, impact=Impact.HITS, location="/b"))
    assert hitting() == 1
    run(metrics, ProbeOutcome.SUCCESS)
    assert hitting() == 0


def test_findings_are_those_of_the_last_response(metrics: ProbeMetrics) -> None:
    def open_findings() -> float | None:
        return sample(metrics, "whop_probe_findings", operation="products.list", severity="critical")

    run(metrics, ProbeOutcome.CONTRACT, finding(Severity.CRITICAL), finding(Severity.LOW, "D19"))
    assert open_findings() == 1
    run(metrics, ProbeOutcome.TIMEOUT, status=None)
    assert open_findings() == 1, "a run without an answer says nothing about the contract"
    run(metrics, ProbeOutcome.SUCCESS)
    assert open_findings() == 0
    counted = metrics.registry.get_sample_value(
        "whop_probe_contract_violations_total", {"operation": "products.list", "class": "D5"}
    )
    assert counted == 1


def test_a_removed_operation_leaves_no_series(metrics: ProbeMetrics) -> None:
    run(metrics, ProbeOutcome.CONTRACT, finding(Severity.CRITICAL))
    metrics.set_operations([watched("plans.list")])
    run(metrics, ProbeOutcome.SUCCESS)  # was still under way
    text = generate_latest(metrics.registry)
    assert b"products.list" not in text
    assert b'operation="plans.list"' in text


def test_an_operation_with_a_new_path_has_one_info_series(metrics: ProbeMetrics) -> None:
    metrics.set_operations([watched("products.list", "/v9/products")])
    assert generate_latest(metrics.registry).count(b"\nwhop_probe_info{") == 1


def test_an_operation_without_an_id_has_no_interval(metrics: ProbeMetrics) -> None:
    metrics.set_without_id("products.list", True)
    assert sample(metrics, "whop_probe_interval_seconds", operation="products.list") is None
    metrics.set_without_id("products.list", False)
    assert sample(metrics, "whop_probe_interval_seconds", operation="products.list") == 60


def test_responses_add_no_series(metrics: ProbeMetrics) -> None:
    def count() -> int:
        text = generate_latest(metrics.registry).decode()
        return sum(len(family.samples) for family in text_string_to_metric_families(text))

    names = [f"resource{number}.list" for number in range(OF_OPERATIONS)]
    metrics.set_operations(map(watched, names))
    for name in names:
        metrics.record_run(name, ProbeOutcome.SUCCESS, at=1.0, phases=PHASES, status=200, findings=())
    per_operation = count() / OF_OPERATIONS
    assert per_operation < BOUND
    before = count()
    for status in range(1000):
        metrics.record_run(
            names[status % 2], ProbeOutcome.HTTP_ERROR, at=2.0, phases=PHASES, status=status, findings=()
        )
    assert count() == before
    value = metrics.registry.get_sample_value
    answers = {"operation": names[1], "code_class": "5xx"}
    assert value("whop_probe_http_responses_total", answers) == 50 + 250, "no class of their own is counted as 5xx"


def test_there_are_no_created_series(metrics: ProbeMetrics) -> None:
    run(metrics, ProbeOutcome.SUCCESS)
    assert b"_created" not in generate_latest(metrics.registry)


def test_the_exposition_equals_that_of_the_library(metrics: ProbeMetrics) -> None:
    exposition = Exposition(metrics.families)
    metrics.lag.observe(0.01)
    run(metrics, ProbeOutcome.CONTRACT, finding(Severity.CRITICAL), at=1.79e9)
    assert b"".join(exposition.render()) == generate_latest(metrics.registry)
    assert b"".join(exposition.render(OPENMETRICS_TYPE)) == generate_openmetrics(metrics.registry)  # type: ignore[no-untyped-call]
    run(metrics, ProbeOutcome.SUCCESS, at=1.79e9)
    metrics.set_operations([watched("plans.list")])
    assert b"".join(exposition.render()) == generate_latest(metrics.registry)
