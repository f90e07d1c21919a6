"""What each source says about a finding, and which one changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.history.factories import tracked
from whopwatch.core.finding import FindingState, Occurrence, Source
from whopwatch.core.report import State
from whopwatch.history import Records
from whopwatch.history.compare import attribute_change
from whopwatch.history.records import OperationRecord
from whopwatch.history.rules import history_rules

RULES = history_rules()
VERIFIED_BEFORE = {"products.list": OperationRecord(states=[State.VERIFIED, State.DRIFT])}


def attributed(operations: dict[str, OperationRecord], night: int = 2, **changes: Any) -> tuple[object, object]:
    finding = attribute_change(tracked(**changes), Records(salt=b"", operations=operations), RULES, night)
    return finding.witnesses["last night"], finding.moved


def test_a_new_finding_of_an_operation_verified_before_is_a_change_of_the_api() -> None:
    assert attributed(VERIFIED_BEFORE) == ("as expected", "live")


@pytest.mark.parametrize("night", [1, 2])
def test_an_operation_never_verified_before_says_nothing(night: int) -> None:
    first = {"products.list": OperationRecord(states=[State.COULD_NOT_CHECK, State.DRIFT])}
    assert attributed(first, night) == ("silent", None)
    assert attributed({}, night) == ("silent", None)


def test_the_state_of_tonight_is_no_state_of_last_night() -> None:
    assert attributed({"products.list": OperationRecord(states=[State.VERIFIED])}) == ("silent", None)
    assert attributed(VERIFIED_BEFORE, night=1) == ("silent", None)


def test_a_known_finding_did_not_change() -> None:
    assert attributed(VERIFIED_BEFORE, state=FindingState.KNOWN) == ("as observed", None)


def test_a_fixed_finding_is_a_change_of_the_api() -> None:
    assert attributed(VERIFIED_BEFORE, state=FindingState.FIXED) == ("as observed", "live")


def test_a_finding_of_the_history_compares_with_last_night() -> None:
    assert attributed({}, source=Source.LIVE_LIVE) == ("as expected", "live")


def test_the_places_of_a_merged_finding_count() -> None:
    places = (Occurrence("products.list", "/x", "0" * 12, 1, 1),)
    assert attributed(VERIFIED_BEFORE, operation="schema:X", places=places) == ("as expected", "live")
    assert attributed(VERIFIED_BEFORE, operation="schema:X") == ("silent", None)


def test_an_outdated_entry_is_no_change() -> None:
    assert attributed(VERIFIED_BEFORE, check="accepted")[1] is None


def test_the_sources_that_specify_what_a_check_expects() -> None:
    def says(check: str) -> tuple[str, str]:
        finding = attribute_change(tracked(check=check), Records(salt=b""), RULES, 1)
        return finding.witnesses["reference"], finding.witnesses["sdk"]

    assert says("schema") == ("silent", "as expected")
    assert says("paging") == ("as expected", "as expected")
    assert says("memory") == ("silent", "silent")
