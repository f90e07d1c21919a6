"""Operations that are no longer verified: for many nights, or since the key lost a permission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.history.factories import night, report, row
from tests.history.nights import Nights
from whopwatch.checks import Evidence
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import OperationResult, State, Verdict
from whopwatch.history import Records, compare_with_history
from whopwatch.history.lifecycle import (
    find_lost_permissions,
    find_unverified,
    note_turns,
    update_operation_records,
)
from whopwatch.history.records import OperationRecord
from whopwatch.history.rules import history_rules
from whopwatch.reports.text import NO_TURN, turns_line
from whopwatch.run.conclude import NOTHING_TO_REQUEST

RULES = history_rules()
EMPTY_PAGE = (
    b'{"data": [], "page_info": {"has_next_page": false, "has_previous_page": false, "start_cursor": null, '
    b'"end_cursor": null}}'
)
UNCHECKED = row(State.COULD_NOT_CHECK, reason="the list is empty", samples=0)


def after(*results: OperationResult) -> Records:
    records = Records(salt=b"")
    for number, result in enumerate(results, 1):
        update_operation_records(records, (result,), number, RULES)
    return records


def test_an_operation_not_verified_for_a_week_is_a_finding() -> None:
    nights = [row(), *[UNCHECKED] * RULES.unverified.nights]
    assert list(find_unverified(after(*nights[:-1]), (UNCHECKED,), RULES)) == []
    (finding,) = find_unverified(after(*nights), (UNCHECKED,), RULES)
    assert (finding.drift_class, finding.severity, finding.samples) == ("D25", Severity.HIGH, 7)
    assert finding.message == "products.list: not verified on the last 7 nights: the list is empty."
    assert list(find_unverified(after(*nights, row()), (row(),), RULES)) == []


def test_one_that_never_was_verified_is_info() -> None:
    (finding,) = find_unverified(after(*[UNCHECKED] * 9), (UNCHECKED,), RULES)
    assert finding.severity is Severity.INFO


def test_a_night_on_which_it_was_not_selected_does_not_count() -> None:
    elsewhere = row(State.NOT_COVERED, reason="not selected")
    assert list(find_unverified(after(row(), *[elsewhere] * 20), (elsewhere,), RULES)) == []


def test_a_night_that_checked_nothing_is_recorded_as_such_and_changes_nothing_else(contract: Contract) -> None:
    records = Records(salt=b"")
    dead = report(verdict=Verdict.COULD_NOT_CHECK, rows=(UNCHECKED,), reason="the key was refused (401)")
    compared = compare_with_history(contract, (), dead, records)
    assert (compared.verdict, compared.findings) == (Verdict.COULD_NOT_CHECK, ())
    assert [(night.verdict, bool(night.succeeded)) for night in records.nights] == [("could-not-check", False)]
    assert records.operations["products.list"].unverified == 1
    assert not records.traits


def test_latencies_and_states_are_kept_for_a_bounded_time() -> None:
    records = after(*[row()] * 400)
    assert records.operations["products.list"] == OperationRecord(
        verified_night=400, states=[State.VERIFIED] * 28, latencies=[0.1] * 28
    )


REFUSED = row(
    State.COULD_NOT_CHECK, reason="403: the key lacks a permission; required permission: x:read", samples=0, denied=True
)


def refusal(status: int = 403, purpose: Purpose = Purpose.LIST, **changes: Any) -> Exchange:
    return Exchange("products.list", purpose, "GET", "https://x.example/products", status=status, **changes)


def lost(contract: Contract, before: Sequence[OperationResult], *exchanges: Exchange) -> list[Finding]:
    records = after(*before)
    records.nights = [night(number) for number, _ in enumerate(before, 1)]
    update_operation_records(records, (REFUSED,), len(before) + 1, RULES)
    return list(find_lost_permissions(records, (REFUSED,), Evidence(contract, exchanges)))


@pytest.mark.parametrize("status", [401, 403])
def test_an_operation_verified_before_and_refused_now_is_a_lost_permission(contract: Contract, status: int) -> None:
    (finding,) = lost(contract, [UNCHECKED, row(), UNCHECKED], refusal(status))
    assert (finding.class_label, finding.severity) == ("permission-changed (D17)", Severity.HIGH)
    assert (finding.location, finding.observed) == ("header:authorization", str(status))
    assert finding.message == (
        "products.list: refused now, allowed on 2026-01-02. 403: the key lacks a permission; required permission: "
        "x:read."
    )


def test_an_operation_that_never_worked_has_lost_nothing(contract: Contract) -> None:
    assert lost(contract, [UNCHECKED], refusal()) == []


def test_only_a_refusal_of_the_key_is_a_lost_permission(contract: Contract) -> None:
    assert lost(contract, [row()]) == []
    assert lost(contract, [row()], refusal(500)) == []
    assert lost(contract, [row()], refusal(), refusal(200, body=b"{}")) == []
    assert lost(contract, [row()], refusal(401, Purpose.NO_KEY, credential="none")) == []


def test_a_lost_permission_explains_why_an_operation_is_not_verified() -> None:
    records = after(row(), *[REFUSED] * 9)
    assert list(find_unverified(records, (REFUSED,), RULES, {"products.list"})) == []


def turns(*run: str, **open_reasons: str) -> OperationResult:
    return replace(row(), checks_run=run, checks_done=len(run), checks_total=5, checks_open=open_reasons)


def test_every_check_has_its_turn_within_a_number_of_nights() -> None:
    nights = [
        turns("status", refusals=NO_TURN, paging=NOTHING_TO_REQUEST),
        turns("status", refusals=NO_TURN, paging=NO_TURN),
        turns("status", "refusals", paging=NO_TURN),
        turns("status", "paging", refusals=NO_TURN),
    ]
    records = after(*nights[:1])

    within = [note_turns(records, (result,), number) for number, result in enumerate(nights, 1)]

    # On the first night refusals had no turn yet: two nights are more than there were.
    assert within == [2, 3, 3, 2]
    assert note_turns(records, (row(State.NOT_COVERED), row()), 5) is None


def test_a_report_says_within_how_many_nights_every_check_had_its_turn(contract: Contract) -> None:
    records, made = Records(salt=b""), turns("status", refusals=NO_TURN)
    lines = []
    for result in (made, made, turns("status", "refusals"), made):
        compared = compare_with_history(contract, (), report(rows=(result,)), records)
        lines.append(turns_line(compared))
    assert lines == [
        "not every check has run yet, after 1 night",
        "not every check has run yet, after 2 nights",
        "every check ran within 1 night",
        "every check ran within 2 nights",
    ]
    assert compared.to_json()["memory"]["checks_within_nights"] == 2


def test_an_accepted_finding_is_outdated_only_where_the_night_could_see_it(contract: Contract) -> None:
    """An entry without an operation was written by hand, and one of a schema names no operation."""
    operations = ("products.list", "payments.list", "memberships.list", "", "schema:Title")
    entries = [AcceptedEntry(f"{number:016x}", "known", operation=name) for number, name in enumerate(operations)]

    def emptied(exchange: Exchange) -> Exchange:
        return replace(exchange, body=EMPTY_PAGE) if exchange.operation == "payments.list" and exchange.ok else exchange

    nights = Nights(contract, operations[:2])
    (first, second) = (nights.run(change=change, keep_checks=True, accepted=entries) for change in (None, emptied))
    assert [one.location for one in first.findings if one.drift_class == "D24"] == [
        entries[number].fingerprint for number in (0, 1, 3, 4)
    ]
    assert [one.location for one in second.findings if one.drift_class == "D24" and one.state != "fixed"] == [
        entries[number].fingerprint for number in (0, 3, 4)
    ]
