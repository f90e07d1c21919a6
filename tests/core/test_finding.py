"""Findings, their fingerprints, and the JSON report that others script against."""

from __future__ import annotations

from dataclasses import replace

from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict

FINDING = Finding(
    drift_class="D5",
    check="response-schema",
    severity=Severity.CRITICAL,
    operation="products.list",
    location="/data/*/title",
    expected="present",
    observed="absent",
    message="products.list no longer sends /data/*/title.",
)


def test_the_fingerprint_is_of_class_operation_and_location_alone() -> None:
    same = replace(FINDING, severity=Severity.LOW, message="other words", samples=9, violations=4, observed="null")
    assert same.fingerprint == FINDING.fingerprint
    assert len(FINDING.fingerprint) == 12
    others = [
        replace(FINDING, drift_class="D7"),
        replace(FINDING, operation="plans.list"),
        replace(FINDING, location="/data/*/id"),
    ]
    assert len({FINDING.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_only_information_does_not_break_an_operation() -> None:
    assert [replace(FINDING, severity=severity).breaks for severity in Severity] == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_severities_rank_from_the_worst() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == [
        "critical",
        "high",
        "medium",
        "low",
        "info",
    ]


def test_the_json_report_has_the_documented_keys() -> None:
    report = Report(
        target="simulator",
        started_at="2026-01-09T00:00:00Z",
        seconds=1.23456,
        verdict=Verdict.DRIFT,
        operations=(OperationResult("products.list", "GET", "/products", State.DRIFT, requests=2, samples=20),),
        findings=(FINDING,),
        sent=2,
        budget=600,
        version="0.1.0",
    )
    document = report.to_json()
    assert list(document) == [
        "schema", "tool", "version", "target", "started_at", "seconds", "verdict", "reason", "requests",
        "operations", "findings",
    ]  # fmt: skip
    assert document["requests"] == {"sent": 2, "budget": 600, "unsafe": 0}
    assert document["operations"][0].keys() >= {
        "id",
        "method",
        "path",
        "state",
        "reason",
        "requests",
        "samples",
    }
    assert document["findings"][0].keys() == {
        "fingerprint", "class", "class_slug", "check", "severity", "confidence", "source", "operation", "location",
        "expected", "observed", "samples", "violations", "first_seen", "message",
    }  # fmt: skip
    assert report.count()[State.DRIFT] == 1
