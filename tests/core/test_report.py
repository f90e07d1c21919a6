"""A report and its rows, as the JSON report has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from whopwatch.core.report import (
    BaselineSummary,
    OperationResult,
    Report,
    State,
    TargetResult,
    Verdict,
    contract_facts,
    timestamp,
)

ROW = OperationResult("plans.list", "GET", "/plans", State.VERIFIED, requests=2, samples=4, latency=0.1)
REPORT = Report("production", "2026-01-01T00:00:00Z", 1.23456, Verdict.CLEAN, (ROW,), (), 2, 60)


def test_a_row_shows_its_checks_and_its_history_only_if_they_are_known() -> None:
    plain = ROW.to_json()
    assert plain == {
        "id": "plans.list",
        "method": "GET",
        "path": "/plans",
        "state": "verified",
        "reason": None,
        "requests": 2,
        "samples": 4,
        "latency": 0.1,
    }
    counted = replace(ROW, checks_done=1, checks_total=2, checks_open={"lists": "no second page"})
    assert counted.to_json() == plain | {
        "checks_done": 1,
        "checks_total": 2,
        "checks_open": ["lists"],
        "checks_open_reasons": {"lists": "no second page"},
    }
    known = replace(ROW, history=(State.DRIFT, State.VERIFIED), latencies=(None, 0.1), denied=True, request="/plans")
    assert known.to_json() == plain | {
        "history": ["drift", "verified"],
        "latencies": [None, 0.1],
        "denied": True,
        "request": "/plans",
    }


def test_a_baseline_shows_what_is_known() -> None:
    assert BaselineSummary(3, "2026-01-01T00:00:00Z").to_json() == {"nights": 3, "previous": "2026-01-01T00:00:00Z"}
    assert BaselineSummary(1, None, 2, "other contract").to_json() == {
        "nights": 1,
        "previous": None,
        "checks_within_nights": 2,
        "restarted": "other contract",
    }


@pytest.mark.parametrize(
    ("verdict", "operations", "expected"),
    [
        (Verdict.COULD_NOT_CHECK, {"could-not-check": 4}, True),
        (Verdict.COULD_NOT_CHECK, {"could-not-check": 4, "verified": 1}, False),
        (Verdict.COULD_NOT_CHECK, {"drift": 1}, False),
        (Verdict.DRIFT, {}, False),
    ],
)
def test_a_target_at_which_nothing_was_verified_was_not_compared(
    verdict: Verdict, operations: dict[str, int], expected: bool
) -> None:
    assert TargetResult("acme", verdict, None, 4, 0, operations).is_not_compared is expected


def test_a_night_without_a_verified_operation_was_not_compared_and_keeps_its_verdict() -> None:
    unchecked = replace(ROW, state=State.COULD_NOT_CHECK)
    night = replace(REPORT, verdict=Verdict.COULD_NOT_CHECK, operations=(unchecked,), memory=BaselineSummary(2))
    assert night.is_not_compared
    assert night.revised((), (), reason=None).verdict is Verdict.COULD_NOT_CHECK
    for other in (
        replace(night, memory=None),
        replace(night, operations=(ROW,)),
        replace(night, verdict=Verdict.CLEAN),
    ):
        assert not other.is_not_compared
        assert other.revised((), (), reason=None).verdict is Verdict.CLEAN
        assert other.revised((), (), reason="interrupted").verdict is Verdict.COULD_NOT_CHECK


def test_operations_are_counted_by_state_and_seconds_rounded() -> None:
    report = replace(REPORT, operations=(ROW, ROW, replace(ROW, state=State.DRIFT)))
    assert report.count() == {State.VERIFIED: 2, State.DRIFT: 1}
    assert report.to_json()["seconds"] == 1.235
    assert report.to_json()["requests"] == {"sent": 2, "budget": 60, "unsafe": 0}


def test_incidents_of_any_shape_are_read() -> None:
    rows = [{"place": "check schema", "error": "KeyError"}, {"error": "x"}, "y"]
    assert replace(REPORT, extra={"incidents": rows}).failed_inside == [rows[0]]
    assert replace(REPORT, extra={"incidents": "none"}).failed_inside == REPORT.failed_inside == []


def test_one_contract_is_named_as_such_and_several_as_several() -> None:
    one, other = {"sha256": "a", "version": "1"}, {"sha256": "b", "version": "2"}
    assert contract_facts([]) == {}
    assert contract_facts([one, dict(one)]) == {"contract": one}
    assert contract_facts([one, other]) == {"contracts": [one, other]}


def test_a_time_is_written_in_utc_to_the_second() -> None:
    assert timestamp(datetime(2026, 1, 31, 2, 0, 0, 999, UTC)) == "2026-01-31T02:00:00Z"
