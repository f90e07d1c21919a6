"""One report of many targets."""

from __future__ import annotations

import pytest

from tests.history.factories import report, row, tracked
from whopwatch.core.finding import FindingState
from whopwatch.core.report import BaselineSummary, State, Verdict
from whopwatch.history.aggregate import aggregate_targets, merge_reports


def test_the_same_drift_at_many_companies_is_one_finding() -> None:
    one = aggregate_targets({name: report(tracked(), tracked(location=f"/{name}")) for name in ("c", "a", "b")}, {})
    assert [(finding.location, finding.targets) for finding in one.findings] == [
        ("/a", ("a",)),
        ("/b", ("b",)),
        ("/c", ("c",)),
        ("/data/*/title", ("a", "b", "c")),
    ]
    assert (one.findings[-1].samples, one.findings[-1].violations) == (12, 12)
    assert (one.verdict, one.target, one.sent, one.budget) == (Verdict.DRIFT, "3 targets", 120, 180)
    assert [target.name for target in one.targets] == ["a", "b", "c"]
    assert one.to_json()["targets"][0]["findings"] == 2


def test_what_is_fixed_at_one_company_is_open_at_another() -> None:
    one = aggregate_targets(
        {
            "a": report(tracked(FindingState.FIXED)),
            "b": report(tracked(FindingState.KNOWN, first_seen="2025-01-01T00:00:00Z")),
        },
        {},
    )
    assert {(str(finding.state), finding.targets) for finding in one.findings} == {("fixed", ("a",)), ("known", ("b",))}
    assert one.verdict is Verdict.DRIFT


def test_what_is_new_at_one_and_known_at_another_is_known_since_the_first() -> None:
    one = aggregate_targets(
        {"a": report(tracked()), "b": report(tracked(FindingState.KNOWN, first_seen="2025-01-01T00:00:00Z"))}, {}
    )
    (finding,) = one.findings
    assert (finding.state, finding.first_seen) == (FindingState.KNOWN, "2025-01-01T00:00:00Z")


def test_a_company_that_could_not_be_checked_is_not_hidden_by_clean_ones() -> None:
    one = aggregate_targets({"a": report(), "b": report()}, {"c": "There is no API key."})
    assert one.verdict is Verdict.COULD_NOT_CHECK
    assert one.reason == "1 of 3 targets could not be checked: c"
    assert aggregate_targets({"a": report()}, {}).verdict is Verdict.CLEAN


UNCHECKED = row(State.COULD_NOT_CHECK, reason="403: the key lacks a permission", samples=0, latency=None)


def test_the_worst_state_of_an_operation_wins_and_says_where() -> None:
    broken = row(State.DRIFT, latency=0.3)
    one = aggregate_targets(
        {"a": report(rows=(UNCHECKED,)), "b": report(rows=(row(),)), "c": report(rows=(broken,))}, {}
    )
    (result,) = one.operations
    assert (result.state, result.samples, result.requests) == (State.DRIFT, 8, 6)
    assert result.latency == pytest.approx(0.2)
    one = aggregate_targets({"a": report(rows=(UNCHECKED,)), "b": report(rows=(row(),))}, {})
    (result,) = one.operations
    assert (result.state, result.reason) == (State.COULD_NOT_CHECK, "403: the key lacks a permission (at a)")


def test_a_reason_that_all_targets_share_names_none() -> None:
    (result,) = aggregate_targets({"a": report(rows=(UNCHECKED,)), "b": report(rows=(UNCHECKED,))}, {}).operations
    assert result.reason == "403: the key lacks a permission"


def test_an_operation_that_one_run_did_not_cover_has_the_state_of_the_other() -> None:
    skipped = row(State.NOT_COVERED, reason="not selected", samples=0)
    (result,) = aggregate_targets({"a": report(rows=(skipped,)), "b": report(rows=(row(),))}, {}).operations
    assert (result.state, result.reason) == (State.VERIFIED, None)


def test_each_target_counts_its_operations_by_state() -> None:
    one = aggregate_targets({"a": report(rows=(UNCHECKED, row(operation="b.list"))), "b": report()}, {"c": "no key"})
    assert [dict(target.operations) for target in one.targets] == [
        {"could-not-check": 1, "verified": 1},
        {"verified": 1},
        {},
    ]
    assert one.to_json()["targets"][0]["operations"] == {"could-not-check": 1, "verified": 1}


def test_a_finding_of_several_runs_of_one_target_counts_once() -> None:
    one = merge_reports([report(tracked(), target="acme"), report(tracked(), target="acme"), report(target="other")])
    assert [(target.name, target.findings, target.sent) for target in one.targets] == [
        ("acme", 1, 80),
        ("other", 0, 40),
    ]


def test_an_entry_that_another_target_still_needs_is_not_outdated() -> None:
    accepted = tracked(FindingState.ACCEPTED, accepted="known")
    outdated = tracked(operation="accepted.yaml", location=accepted.fingerprint, check="accepted", drift_class="D24")
    one = aggregate_targets({"a": report(accepted), "b": report(outdated)}, {})
    assert [finding.check for finding in one.findings] == ["schema"]
    alone = aggregate_targets({"a": report(), "b": report(outdated)}, {})
    assert [finding.check for finding in alone.findings] == ["accepted"]


def test_the_memory_is_that_of_the_oldest() -> None:
    known = {"a": report(memory=BaselineSummary(3, "2026-01-03T03:00:00Z")), "b": report(memory=BaselineSummary(0))}
    assert aggregate_targets(known, {}).memory == BaselineSummary(3, "2026-01-03T03:00:00Z")
