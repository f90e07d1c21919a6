"""The metrics of `whopwatch sdk`."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import generate_latest

from tests.history.factories import report, tracked
from whopwatch.core.finding import Impact, Severity
from whopwatch.core.report import Report, Verdict
from whopwatch.metrics.runs import sdk_metrics


def exported(given: Report, *, weighed: bool = False) -> dict[str, float]:
    text = generate_latest(sdk_metrics(given, "sdk:0.0.23", "0.0.23", 7.0, weighed=weighed)).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def test_findings_are_counted_by_release_severity_and_class() -> None:
    series = exported(report(tracked(), tracked(location="/id"), tracked(drift_class="D9", severity=Severity.INFO)))
    assert {name: value for name, value in series.items() if name.startswith("whop_sdk_findings")} == {
        'whop_sdk_findings{class="D5",release="sdk:0.0.23",severity="critical"}': 2.0,
        'whop_sdk_findings{class="D9",release="sdk:0.0.23",severity="info"}': 1.0,
    }
    assert series['whop_sdk_operations{release="sdk:0.0.23",state="verified"}'] == 1.0
    assert series['whop_sdk_info{release="sdk:0.0.23",version="0.0.23"}'] == 1.0
    assert series['whop_sdk_last_success_timestamp_seconds{release="sdk:0.0.23"}'] == 7.0


def test_findings_that_hit_are_exported_with_a_profile_only() -> None:
    hitting = "whop_sdk_hitting_findings"
    given = report(replace(tracked(), impact=Impact.HITS), replace(tracked(location="/id"), impact=Impact.UNUSED))
    assert not [name for name in exported(given) if name.startswith(hitting)]
    found = {name: value for name, value in exported(given, weighed=True).items() if name.startswith(hitting)}
    assert found == {f'{hitting}{{class="D5",release="sdk:0.0.23",severity="critical"}}': 1.0}


def test_the_contract_is_named() -> None:
    facts = {"version": "2026-10-15-1", "release": "sdk:2.6.0", "sha256": "ab"}
    series = exported(replace(report(tracked()), extra={"contract": facts}))
    assert series['whop_contract_info{release="sdk:2.6.0",sha256="ab",version="2026-10-15-1"}'] == 1.0
    assert not any(name.startswith("whop_contract_info") for name in exported(report(tracked())))


def test_a_run_that_could_not_check_is_no_success() -> None:
    series = exported(report(verdict=Verdict.COULD_NOT_CHECK))
    assert series
    assert not [name for name in series if "findings" in name or "success" in name]
