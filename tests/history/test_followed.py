"""What is followed besides drift: operations that nobody could check, and how fast answers come."""

from __future__ import annotations

import random

from tests.history.made import report, row
from whopwatch.contract import Contract
from whopwatch.core.finding import Severity
from whopwatch.core.report import OperationResult, State, Verdict
from whopwatch.history import Records, remember
from whopwatch.history.latency import is_slower
from whopwatch.history.records import OperationRecord
from whopwatch.history.rules import rules
from whopwatch.history.units import log_ratio
from whopwatch.history.unverified import follow, unverified

RULES = rules()
UNSEEN = row(State.COULD_NOT_CHECK, reason="the list is empty", samples=0)


def after(*results: OperationResult) -> Records:
    records = Records(salt=b"")
    for number, result in enumerate(results, 1):
        follow(records, (result,), number, RULES)
    return records


def test_an_operation_not_verified_for_a_week_is_a_finding() -> None:
    nights = [row(), *[UNSEEN] * RULES.unverified.nights]
    assert list(unverified(after(*nights[:-1]), (UNSEEN,), RULES)) == []
    (finding,) = unverified(after(*nights), (UNSEEN,), RULES)
    assert (finding.drift_class, finding.severity, finding.samples) == ("D25", Severity.HIGH, 7)
    assert "the list is empty" in finding.message
    assert list(unverified(after(*nights, row()), (row(),), RULES)) == []


def test_one_that_never_was_is_worth_knowing_only() -> None:
    (finding,) = unverified(after(*[UNSEEN] * 9), (UNSEEN,), RULES)
    assert finding.severity is Severity.INFO


def test_a_night_on_which_it_was_not_to_be_looked_at_does_not_count() -> None:
    elsewhere = row(State.NOT_COVERED, reason="not selected")
    assert list(unverified(after(row(), *[elsewhere] * 20), (elsewhere,), RULES)) == []


def test_a_night_without_an_api_is_remembered_as_one_and_touches_nothing_else(contract: Contract) -> None:
    records = Records(salt=b"")
    dead = report(verdict=Verdict.COULD_NOT_CHECK, rows=(UNSEEN,), reason="the key was refused (401)")
    told = remember(contract, (), dead, records)
    assert (told.verdict, told.findings) == (Verdict.COULD_NOT_CHECK, ())
    assert [(night.verdict, bool(night.succeeded)) for night in records.nights] == [("could-not-check", False)]
    assert records.operations["products.list"].unverified == 1
    assert not records.traits


def test_three_slow_nights_are_a_shift_and_two_are_not() -> None:
    rng = random.Random(5)  # noqa: S311
    usual = [0.2 * rng.lognormvariate(0, 0.3) for _ in range(20)]
    assert not is_slower([*usual, 1.3, 1.2], RULES.latency)
    assert is_slower([*usual, 1.3, 1.2, 1.4], RULES.latency)
    assert not is_slower([*usual[:5], 1.3, 1.2, 1.4], RULES.latency)
    assert not is_slower([0.002, *[0.001] * 20, 0.02, 0.02, 0.02], RULES.latency)


def test_latencies_are_kept_for_a_bounded_time() -> None:
    records = after(*[row()] * 400)
    assert records.operations["products.list"] == OperationRecord(
        verified_night=400, states=[State.VERIFIED] * 28, latencies=[0.1] * 28
    )


def test_cents_for_dollars_move_every_number_and_a_price_that_rises_does_not() -> None:
    before = {"0": 40, "1": 200, "2": 60}
    assert log_ratio(before, {"2": 4, "3": 20, "4": 6}, 2) > 50
    assert log_ratio(before, {"1": 4, "2": 26}, 2) < 0
    assert log_ratio({"1": 300}, {"2": 30}, 2) == 0
