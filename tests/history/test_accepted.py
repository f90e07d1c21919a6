"""Accepted findings: the file, what an entry covers, and entries that are out of date."""

from __future__ import annotations

from datetime import date

import pytest

from tests.history.factories import finding
from whopwatch.core.finding import FindingState, Occurrence
from whopwatch.history import AcceptedEntry
from whopwatch.history.accepted import check_entries, mark_accepted

TODAY = date(2026, 1, 5)


def entry(fingerprint: str = finding().fingerprint, expires: date = date(2026, 2, 1)) -> AcceptedEntry:
    return AcceptedEntry(fingerprint, "agreed with support", "TICKET-1", expires)


def test_an_accepted_finding_is_listed_and_does_not_count() -> None:
    (marked,) = mark_accepted([finding(state=FindingState.KNOWN)], [entry()], TODAY)
    assert (marked.state, marked.accepted, marked.breaks) == (
        FindingState.ACCEPTED,
        "agreed with support (TICKET-1)",
        False,
    )


@pytest.mark.parametrize("state", [FindingState.WORSE, FindingState.FIXED])
def test_a_finding_that_got_worse_or_is_fixed_is_not_accepted(state: FindingState) -> None:
    assert mark_accepted([finding(state=state)], [entry()], TODAY)[0].state is state


def test_a_root_cause_is_accepted_by_itself_or_place_by_place() -> None:
    one, other = finding("a.list"), finding("b.list")
    places = tuple(Occurrence(each.operation, each.location, each.fingerprint, 1, 1) for each in (one, other))
    cause = finding("schema:Title", "/", state=FindingState.NEW, places=places)
    assert mark_accepted([cause], [entry(cause.fingerprint)], TODAY)[0].state is FindingState.ACCEPTED
    assert (
        mark_accepted([cause], [entry(one.fingerprint), entry(other.fingerprint)], TODAY)[0].state
        is FindingState.ACCEPTED
    )
    assert mark_accepted([cause], [entry(one.fingerprint)], TODAY)[0].state is FindingState.NEW


def test_an_expired_entry_and_an_unused_one_are_findings() -> None:
    there = finding(state=FindingState.KNOWN)
    assert check_entries([entry()], [there], TODAY) == []
    (unused,) = check_entries([entry()], [finding(state=FindingState.FIXED)], TODAY)
    (expired,) = check_entries([entry(expires=date(2026, 1, 4))], [there], TODAY)
    assert (unused.drift_class, unused.location) == ("D24", there.fingerprint)
    assert unused.message == f"Accepted finding {there.fingerprint} no longer occurs. Remove it from accepted.yaml."
    assert f"{there.fingerprint} expired on 2026-01-04." in expired.message
    assert mark_accepted([there], [entry(expires=date(2026, 1, 4))], TODAY) == [there]
