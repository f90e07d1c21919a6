"""Two of the simulated weeks: transient failures send no page, and each true change sends one."""

from __future__ import annotations

import pytest

from benchmarks.weeks import NightRow, three_weeks, wrong_pages
from whopwatch.core.finding import FindingState
from whopwatch.core.report import State, Verdict

pytestmark = pytest.mark.thorough

NIGHTS = 14
"""All kinds of weather but the maintenance page, the lost permission and its return, the accepted finding twice."""


def test_two_weeks() -> None:
    """One test for four assertions: each of them alone could run the nights again in another worker."""
    rows = list(three_weeks(NIGHTS, budget=50))
    no_page_is_false_and_none_is_missed(rows)
    the_verdict_of_each_night_is_true(rows)
    an_accepted_finding_that_comes_back_is_accepted_again(rows)
    a_company_without_the_permission_is_green_only_for_what_it_reads(rows)


def of(rows: list[NightRow], company: str) -> dict[int, NightRow]:
    return {row.number: row for row in rows if row.company == company}


def no_page_is_false_and_none_is_missed(rows: list[NightRow]) -> None:
    assert wrong_pages(rows) == ([], [])
    assert sum(len(row.pages) for row in rows) == 2


def the_verdict_of_each_night_is_true(rows: list[NightRow]) -> None:
    nights = of(rows, "acme")
    verdicts = {verdict: {n for n, row in nights.items() if row.report.verdict is verdict} for verdict in Verdict}
    assert verdicts[Verdict.DRIFT] == {4, 9, 10, 12, 13}
    assert verdicts[Verdict.COULD_NOT_CHECK] == {2, 7, 11}
    assert {n for n, row in nights.items() if row.report.extra.get("incidents")} == {3, 5, 10}


def an_accepted_finding_that_comes_back_is_accepted_again(rows: list[NightRow]) -> None:
    nights = of(rows, "acme")
    accepted = {
        n for n, row in nights.items() if any(one.state is FindingState.ACCEPTED for one in row.report.findings)
    }
    # Night 7 verifies nothing: its report lists the finding as not rechecked.
    assert accepted == {5, 6, 7, 12, 13, 14}
    (warning,) = [one for one in nights[8].report.findings if one.check == "accepted"]
    assert (nights[8].report.verdict, warning.breaks) == (Verdict.CLEAN, False)


def a_company_without_the_permission_is_green_only_for_what_it_reads(rows: list[NightRow]) -> None:
    for row in of(rows, "globex").values():
        states = {one.id: one.state for one in row.report.operations}
        assert (states["products.list"], states["payments.list"]) == (State.VERIFIED, State.COULD_NOT_CHECK)
        assert row.report.verdict is Verdict.CLEAN
