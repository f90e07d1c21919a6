"""Root causes: findings that share a schema, an object or the whole API become one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.history.factories import finding, tracked
from whopwatch.checks.deduplicate import cause_of
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, FindingState, Severity
from whopwatch.history.aggregate import common_state, group_by_cause


def lists(contract: Contract) -> list[str]:
    return [operation.id for operation in contract.lists if operation.api == "v1"]


def page_info(contract: Contract, **changes: Any) -> list[Finding]:
    return [tracked(operation=id, location="/page_info/has_next_page", **changes) for id in lists(contract)]


def test_a_shared_schema_that_changed_is_one_finding_with_all_its_places(contract: Contract) -> None:
    (cause,) = group_by_cause(contract, page_info(contract))
    assert (cause.operation, cause.location) == ("schema:PageInfo", "/has_next_page")
    assert len(cause.places) == len(lists(contract)) > 30
    assert cause.samples == 4 * len(cause.places)
    assert cause.state is FindingState.NEW
    assert cause.message.startswith(
        f"schema:PageInfo /has_next_page: same change in {len(cause.places)} places of {len(cause.places)} operations, "
    )


def test_its_fingerprint_does_not_depend_on_the_places_of_a_night(contract: Contract) -> None:
    every = page_info(contract)
    assert group_by_cause(contract, every[:2])[0].fingerprint == group_by_cause(contract, every[5:])[0].fingerprint


def test_a_single_place_stays_what_it_is(contract: Contract) -> None:
    alone = page_info(contract)[:1]
    assert group_by_cause(contract, alone) == alone


def test_two_ways_of_changing_are_two_causes(contract: Contract) -> None:
    every = [*page_info(contract)[:3], *page_info(contract, drift_class="D7")[:3]]
    assert sorted(one.drift_class for one in group_by_cause(contract, every)) == ["D5", "D7"]


def test_a_value_belongs_to_its_own_schema_and_a_missing_field_to_the_one_that_holds_it(contract: Contract) -> None:
    place = {"operation": "products.list", "location": "/data/*/visibility"}
    assert cause_of(contract, finding(**place, drift_class="D10")) == ("schema:Visibility", "/")
    assert cause_of(contract, finding(**place, drift_class="D5")) == ("schema:ProductListItem", "/visibility")


def test_a_header_that_every_operation_lost_is_the_api_s(contract: Contract) -> None:
    lost = [tracked(operation=id, location="header:x-request-id", check="memory") for id in lists(contract)]
    (cause,) = group_by_cause(contract, lost)
    assert (cause.operation, cause.location) == ("all", "header:x-request-id")
    assert {one.operation for one in group_by_cause(contract, lost[:2])} == {one.operation for one in lost[:2]}


def test_what_is_fixed_does_not_hide_what_is_not(contract: Contract) -> None:
    every = [*page_info(contract)[:3], *page_info(contract, state=FindingState.FIXED)[3:5]]
    found = group_by_cause(contract, every)
    assert [(len(one.places), one.state) for one in found] == [
        (0, FindingState.FIXED),
        (0, FindingState.FIXED),
        (3, FindingState.NEW),
    ]
    (gone,) = group_by_cause(contract, page_info(contract, state=FindingState.FIXED))
    assert (gone.state, gone.breaks) == (FindingState.FIXED, False)


def test_another_place_of_a_known_cause_is_no_news(contract: Contract) -> None:
    new, known = page_info(contract)[0], page_info(contract, state=FindingState.KNOWN)[1]
    assert group_by_cause(contract, [new, known])[0].state is FindingState.KNOWN


def test_an_object_without_a_schema_goes_by_the_field_that_holds_it(contract: Contract) -> None:
    places = {"authorized_users.retrieve": "/user/name", "course_students.list": "/data/*/user/name"}
    (cause,) = group_by_cause(contract, [tracked(operation=id, location=place) for id, place in places.items()])
    assert (cause.operation, cause.location) == ("object:user", "/name")
    assert {(place.operation, place.location) for place in cause.places} == set(places.items())


def test_the_message_counts_places_and_operations(contract: Contract) -> None:
    place: dict[str, Any] = {"drift_class": "D10", "message": "x."}
    found = [
        tracked(operation="products.list", location="/data/*/visibility", violations=1, **place),
        tracked(operation="products.list", location="/data/*/visibility", check="other", violations=1, **place),
        tracked(operation="products.retrieve", location="/visibility", **place),
    ]
    (cause,) = group_by_cause(contract, found)
    assert (cause.samples, cause.violations) == (12, 6)
    assert cause.message == "schema:Visibility: same change in 3 places of 2 operations, for example x."


def test_severity_and_message_come_from_the_most_severe(contract: Contract) -> None:
    mild, severe = page_info(contract, severity=Severity.LOW)[0], page_info(contract)[1]
    (cause,) = group_by_cause(contract, [mild, severe])
    assert (cause.severity, cause.message.endswith(severe.message)) == (Severity.CRITICAL, True)


def test_a_merged_finding_is_as_old_as_its_oldest_place(contract: Contract) -> None:
    old, new = page_info(contract, first_seen="2025-01-01T00:00:00Z")[0], page_info(contract)[1]
    assert group_by_cause(contract, [new, old])[0].first_seen == "2025-01-01T00:00:00Z"


def test_a_finding_outside_the_contract_has_no_cause(contract: Contract) -> None:
    assert cause_of(contract, finding("webhook:payment.succeeded")) is None
    assert cause_of(contract, finding(location="status", check="status")) is None
    assert cause_of(contract, finding(location="header:sunset")) == ("all", "header:sunset")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({FindingState.NEW}, FindingState.NEW),
        ({FindingState.NEW, FindingState.KNOWN}, FindingState.KNOWN),
        ({FindingState.NEW, FindingState.WORSE, FindingState.FLAPPING}, FindingState.WORSE),
        ({FindingState.KNOWN, FindingState.FLAPPING}, FindingState.FLAPPING),
        ({None, FindingState.KNOWN}, FindingState.KNOWN),
        ({None}, None),
    ],
)
def test_the_common_state(states: set[FindingState | None], expected: FindingState | None) -> None:
    assert common_state(states) is expected


@pytest.mark.parametrize("state", [FindingState.ACCEPTED, FindingState.FIXED])
def test_what_is_accepted_or_fixed_everywhere_is_one_finding_of_that_state(
    contract: Contract, state: FindingState
) -> None:
    (cause,) = group_by_cause(contract, page_info(contract, state=state))
    assert (cause.operation, cause.state) == ("schema:PageInfo", state)


def test_accepted_findings_are_not_merged_with_fixed_ones(contract: Contract) -> None:
    every = page_info(contract, state=FindingState.ACCEPTED)[:3] + page_info(contract, state=FindingState.FIXED)[3:5]
    grouped = group_by_cause(contract, every)
    assert [(one.state, len(one.places)) for one in grouped if one.places] == [(FindingState.ACCEPTED, 3)]
    assert [one.state for one in grouped if not one.places] == [FindingState.FIXED] * 2
