"""The metrics of a nightly run."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import generate_latest

from tests.history.factories import report, row, tracked
from whopwatch.core.finding import FindingState, Impact, Severity
from whopwatch.core.report import Report, State, Verdict
from whopwatch.history.aggregate import aggregate_targets
from whopwatch.metrics.runs import drift_metrics

FINDINGS = "whop_contract_drift_findings"
SUCCESS = "whop_contract_drift_last_success_timestamp_seconds"


CONTRACT = {"version": "2025-01-01", "release": "sdk:0.0.23", "sha256": "abc"}


def exported(given: Report, last_success: float | None = 5.0, *, weighed: bool = False) -> dict[str, float]:
    text = generate_latest(drift_metrics(given, CONTRACT, last_success, weighed=weighed)).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def test_open_findings_are_counted_by_severity_and_class() -> None:
    series = exported(
        report(
            tracked(),
            tracked(location="/data/*/id"),
            tracked(drift_class="D9", severity=Severity.HIGH),
            tracked(FindingState.FIXED, location="/a"),
            tracked(FindingState.ACCEPTED, location="/b"),
        )
    )
    assert {name: value for name, value in series.items() if name.startswith(FINDINGS)} == {
        f'{FINDINGS}{{class="D5",severity="critical"}}': 2.0,
        f'{FINDINGS}{{class="D9",severity="high"}}': 1.0,
    }
    assert series['whop_contract_info{release="sdk:0.0.23",sha256="abc",version="2025-01-01"}'] == 1.0
    assert series['whop_contract_drift_operations{state="verified"}'] == 1.0
    assert series[SUCCESS] == 5.0
    assert not [name for name in series if "target" in name]


def test_findings_that_hit_the_code_have_series_of_their_own() -> None:
    hitting = "whop_contract_drift_hitting_findings"
    assert not [name for name in exported(report(tracked())) if name.startswith(hitting)]
    unused = replace(tracked(), impact=Impact.UNUSED)
    hits = replace(tracked(location="/data/*/id"), impact=Impact.HITS)
    fixed = replace(tracked(FindingState.FIXED, location="/a"), impact=Impact.HITS)
    series = exported(report(unused, hits, fixed), weighed=True)
    found = {name: value for name, value in series.items() if name.startswith(hitting)}
    assert found == {f'{hitting}{{class="D5",severity="critical"}}': 1.0}


def test_each_of_several_targets_has_its_operations_by_state() -> None:
    unchecked = row(State.COULD_NOT_CHECK, reason="403")
    series = exported(aggregate_targets({"acme": report(rows=(unchecked,)), "other": report()}, {}))
    name = "whop_contract_drift_target_operations"
    assert series[f'{name}{{state="could-not-check",target="acme"}}'] == 1.0
    assert series[f'{name}{{state="verified",target="other"}}'] == 1.0
    assert series['whop_contract_drift_operations{state="could-not-check"}'] == 1.0


def test_a_run_that_could_not_check_exports_neither_findings_nor_a_success() -> None:
    series = exported(report(verdict=Verdict.COULD_NOT_CHECK), None)
    assert not [name for name in series if name.startswith((FINDINGS, SUCCESS))]


def test_incidents_are_counted() -> None:
    given = replace(report(), extra={"incidents": [{"at": "2026-01-01T03:00:00Z"}] * 2})
    assert exported(given)["whop_contract_drift_incidents"] == 2
