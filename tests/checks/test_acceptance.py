"""Accepted findings: what an entry covers, and entries that are outdated."""

from __future__ import annotations

from datetime import date

import pytest

from tests.history.factories import finding, report, row
from whopwatch.checks.acceptance import accept_in_report, check_entries, mark_accepted
from whopwatch.checks.deduplicate import cause_fingerprint
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import load
from whopwatch.core.finding import FindingState, Occurrence
from whopwatch.core.report import Report, State, Verdict

CONTRACT = load()
TODAY = date(2026, 1, 5)


def entry(fingerprint: str = finding().fingerprint, expires: date = date(2026, 2, 1)) -> AcceptedEntry:
    return AcceptedEntry(fingerprint, "agreed with support", "TICKET-1", expires)


def test_an_accepted_finding_is_listed_and_does_not_count() -> None:
    (marked,) = mark_accepted(CONTRACT, [finding(state=FindingState.KNOWN)], [entry()], TODAY)
    assert (marked.state, marked.accepted, marked.breaks) == (
        FindingState.ACCEPTED,
        "agreed with support (TICKET-1)",
        False,
    )


@pytest.mark.parametrize("state", [FindingState.WORSE, FindingState.FIXED])
def test_a_finding_that_got_worse_or_is_fixed_is_not_accepted(state: FindingState) -> None:
    assert mark_accepted(CONTRACT, [finding(state=state)], [entry()], TODAY)[0].state is state


def test_a_root_cause_is_accepted_by_itself_or_place_by_place() -> None:
    one, other = finding("a.list"), finding("b.list")
    places = tuple(Occurrence(each.operation, each.location, each.fingerprint, 1, 1) for each in (one, other))
    cause = finding("schema:Title", "/", state=FindingState.NEW, places=places)
    assert mark_accepted(CONTRACT, [cause], [entry(cause.fingerprint)], TODAY)[0].state is FindingState.ACCEPTED
    assert (
        mark_accepted(CONTRACT, [cause], [entry(one.fingerprint), entry(other.fingerprint)], TODAY)[0].state
        is FindingState.ACCEPTED
    )
    assert mark_accepted(CONTRACT, [cause], [entry(one.fingerprint)], TODAY)[0].state is FindingState.NEW
    reasons = [AcceptedEntry(each.fingerprint, f"known at {each.operation}") for each in (other, one)]
    assert mark_accepted(CONTRACT, [cause], reasons, TODAY)[0].accepted == "known at a.list"


def test_an_expired_entry_and_an_unused_one_are_findings() -> None:
    there = finding(state=FindingState.KNOWN)
    assert check_entries(CONTRACT, [entry()], [there], TODAY) == []
    (unused,) = check_entries(CONTRACT, [entry()], [finding(state=FindingState.FIXED)], TODAY)
    (expired,) = check_entries(CONTRACT, [entry(expires=date(2026, 1, 4))], [there], TODAY)
    assert (unused.class_label, unused.location) == ("accepted-entry-outdated (D24)", there.fingerprint)
    assert (unused.breaks, expired.breaks) == (False, False)
    assert unused.message == f"Accepted finding {there.fingerprint} no longer occurs. Remove it from accepted.yaml."
    assert f"{there.fingerprint} expired on 2026-01-04." in expired.message
    assert mark_accepted(CONTRACT, [there], [entry(expires=date(2026, 1, 4))], TODAY) == [there]


def test_an_entry_without_an_end_does_not_expire() -> None:
    endless = AcceptedEntry(finding().fingerprint, "by design")
    (marked,) = mark_accepted(CONTRACT, [finding()], [endless], date(2999, 1, 1))
    assert marked.accepted == "by design"


def test_an_entry_for_a_root_cause_covers_the_findings_of_a_run_without_a_baseline() -> None:
    places = [finding(one, "/page_info/has_next_page") for one in ("products.list", "plans.list", "payments.list")]
    cause = cause_fingerprint(CONTRACT, places[0])
    assert cause is not None
    assert {cause_fingerprint(CONTRACT, place) for place in places} == {cause}
    marked = mark_accepted(CONTRACT, [*places, finding()], [entry(cause)], TODAY)
    assert [one.state for one in marked] == [FindingState.ACCEPTED] * 3 + [None]
    assert check_entries(CONTRACT, [entry(cause)], places, TODAY) == []


def judged(*entries: AcceptedEntry) -> Report:
    broken = (row(State.DRIFT), row(operation="plans.list"))
    return accept_in_report(CONTRACT, report(finding(), rows=broken), entries)


def test_a_report_whose_findings_are_accepted_is_clean() -> None:
    assert judged().verdict is Verdict.DRIFT
    accepted = judged(entry())
    assert accepted.verdict is Verdict.CLEAN
    assert [(one.state, one.reason) for one in accepted.operations] == [
        (State.DRIFT, "all findings are accepted"),
        (State.VERIFIED, None),
    ]


def test_an_expired_entry_is_reported_and_the_finding_counts() -> None:
    expired = judged(entry(expires=date(2026, 1, 4)))
    assert expired.verdict is Verdict.DRIFT
    assert [one.check for one in expired.findings] == ["schema", "accepted"]


def test_an_entry_is_outdated_only_if_its_operation_was_checked() -> None:
    there = AcceptedEntry("0" * 12, "r", operation="plans.list")
    elsewhere = AcceptedEntry("1" * 12, "r", operation="users.list")
    unknown = AcceptedEntry("2" * 12, "r")
    outdated = [one.location for one in judged(entry(), there, elsewhere, unknown).findings if one.check == "accepted"]
    assert outdated == ["0" * 12]


def test_an_outdated_entry_is_reported_once() -> None:
    there = AcceptedEntry("0" * 12, "r", operation="plans.list")
    once = judged(entry(), there)
    assert accept_in_report(CONTRACT, once, [entry(), there]).findings == once.findings
