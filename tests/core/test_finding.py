"""Findings, their fingerprints, and the JSON report that others script against."""

from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType

import pytest

from whopwatch.core.budgets import BUDGET_PROFILES
from whopwatch.core.finding import (
    Confidence,
    Finding,
    FindingState,
    Impact,
    Occurrence,
    RequestExample,
    Rule,
    Severity,
    Source,
    rules_in,
    shown_value,
)
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


def test_a_finding_states_one_sample_until_more_are_known() -> None:
    document = FINDING.to_json()
    assert (document["samples"], document["violations"], document["confidence"]) == (1, 1, "suspected")
    assert (document["source"], document["first_seen"], document["class_slug"]) == (
        "live-contract",
        None,
        "required-field-removed",
    )


def test_the_json_of_a_finding_has_what_is_known_besides() -> None:
    keys = FINDING.to_json().keys()
    shown = replace(
        FINDING, rule="schema/missing", request=RequestExample("/products", id="req_1"), impact=Impact.MAY,
        impact_places=("a.py:1",),
    ).to_json()  # fmt: skip
    assert {key: shown[key] for key in shown.keys() - keys} == {
        "rule": "schema/missing",
        "request": {"path": "/products", "method": "GET", "credential": "key", "id": "req_1"},
        "impact": "may hit you",
        "impact_places": ["a.py:1"],
    }
    known = replace(
        FINDING, state=FindingState.KNOWN, places=(Occurrence("a", "/b", "c", 3, 2),), targets=("one",), moved="live",
        witnesses={"live": "silent"}, accepted="why",
    ).to_json()  # fmt: skip
    assert {key: known[key] for key in known.keys() - keys} == {
        "state": "known",
        "places": [{"operation": "a", "location": "/b", "fingerprint": "c", "samples": 3, "violations": 2}],
        "targets": ["one"],
        "witnesses": {"live": "silent"},
        "moved": "live",
        "accepted": "why",
    }


def test_a_fixed_or_accepted_finding_breaks_nothing() -> None:
    broken = [state for state in FindingState if replace(FINDING, state=state).breaks]
    assert broken == [FindingState.NEW, FindingState.KNOWN, FindingState.WORSE, FindingState.FLAPPING]


RULE = Rule("lists/order", "D20", Severity.HIGH, "{order}", "other than {order}", "is not {order} at {place}")


def test_a_rule_that_no_source_states_counts_once_it_was_met() -> None:
    assert RULE.check == "lists"
    assert (RULE.source, RULE.documented) == (Source.LIVE_CONTRACT, True)
    assert RULE.severity_for("a.list", ()) is Severity.HIGH
    unstated = replace(RULE, documented=False)
    assert unstated.severity_for("a.list", ()) is Severity.INFO
    assert unstated.severity_for("a.list", {("a.list", "lists/order")}) is Severity.HIGH
    assert unstated.severity_for("a.list", {("b.list", "lists/order"), ("a.list", "lists/x")}) is Severity.INFO


def test_a_report_fills_in_the_words_of_a_rule() -> None:
    assert RULE.words(order="ascending", place="/id", unused=1) == (
        "ascending",
        "other than ascending",
        "is not ascending at /id",
    )


@pytest.mark.parametrize(("value", "shown"), [("paused", '"paused"'), ("two words", "a string"), (5, "a string")])
def test_only_a_value_of_a_known_form_is_shown(value: object, shown: str) -> None:
    assert shown_value(value, re.compile("[a-z]+"), "a string") == shown


def test_the_rules_of_a_module_are_found_in_tuples_and_mappings() -> None:
    module = ModuleType("rules")
    one, two, three, four = (replace(RULE, id=f"lists/{n}") for n in range(4))
    module.__dict__.update(ONE=one, SEVERAL=(two, 5), BY_NAME={"a": three, "b": ("x", four)}, OTHER="lists")
    assert list(rules_in(module)) == [one, two, three, four]


def test_the_verdict_is_that_of_the_findings_of_a_complete_run() -> None:
    accepted = replace(FINDING, state=FindingState.ACCEPTED)
    assert Verdict.of([FINDING], is_complete=False) is Verdict.DRIFT
    assert Verdict.of([accepted]) is Verdict.CLEAN
    assert Verdict.of([accepted], is_complete=False) is Verdict.COULD_NOT_CHECK


def test_a_report_that_is_built_has_the_documented_defaults() -> None:
    facts = {"target": "t", "started_at": "2026-01-01T00:00:00Z", "seconds": 1.0}
    report = Report.build((), (FINDING,), **facts, reason=None)  # type: ignore[arg-type]
    assert (report.sent, report.budget, report.unsafe, report.verdict) == (0, 0, 0, Verdict.DRIFT)
    assert Report.build((), (), **facts, reason="x").verdict is Verdict.COULD_NOT_CHECK  # type: ignore[arg-type]
    row = OperationResult("a.list", "GET", "/a", State.VERIFIED)
    assert (row.requests, row.samples, row.denied, row.latency) == (0, 0, False, None)
    assert FINDING.confidence is Confidence.SUSPECTED


def test_the_profiles_of_a_budget_have_the_documented_requests() -> None:
    assert {name: (one.per_read, one.per_write, one.only_risk) for name, one in BUDGET_PROFILES.items()} == {
        "quick": (1.5, 12, False),
        "money": (16, 24, True),
        "deep": (40, 40, False),
    }
