"""Root causes: what several places have in common is one finding."""

from __future__ import annotations

from typing import Any

from tests.history.made import finding, told
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, FindingState
from whopwatch.history.causes import cause_of, grouped


def lists(contract: Contract) -> list[str]:
    return [operation.id for operation in contract.lists if operation.api == "v1"]


def page_info(contract: Contract, **changes: Any) -> list[Finding]:
    return [told(operation=id, location="/page_info/has_next_page", **changes) for id in lists(contract)]


def test_a_shared_schema_that_changed_is_one_finding_with_all_its_places(contract: Contract) -> None:
    (cause,) = grouped(contract, page_info(contract))
    assert (cause.operation, cause.location) == ("schema:PageInfo", "/has_next_page")
    assert len(cause.places) == len(lists(contract)) > 30
    assert cause.samples == 4 * len(cause.places)
    assert cause.state is FindingState.NEW
    assert f"{len(cause.places)} places" in cause.message


def test_its_fingerprint_does_not_depend_on_which_places_a_night_saw(contract: Contract) -> None:
    every = page_info(contract)
    assert grouped(contract, every[:2])[0].fingerprint == grouped(contract, every[5:])[0].fingerprint


def test_a_single_place_stays_what_it_is(contract: Contract) -> None:
    alone = page_info(contract)[:1]
    assert grouped(contract, alone) == alone


def test_two_ways_of_changing_are_two_causes(contract: Contract) -> None:
    every = [*page_info(contract)[:3], *page_info(contract, drift_class="D7")[:3]]
    assert sorted(one.drift_class for one in grouped(contract, every)) == ["D5", "D7"]


def test_a_value_belongs_to_its_own_schema_and_a_missing_field_to_the_one_that_holds_it(contract: Contract) -> None:
    place = {"operation": "products.list", "location": "/data/*/visibility"}
    assert cause_of(contract, finding(**place, drift_class="D10")) == ("schema:Visibility", "/")
    assert cause_of(contract, finding(**place, drift_class="D5")) == ("schema:ProductListItem", "/visibility")


def test_a_header_that_every_operation_lost_is_the_api_s(contract: Contract) -> None:
    lost = [told(operation=id, location="header:x-request-id", check="memory") for id in lists(contract)]
    (cause,) = grouped(contract, lost)
    assert (cause.operation, cause.location) == ("all", "header:x-request-id")
    assert {one.operation for one in grouped(contract, lost[:2])} == {one.operation for one in lost[:2]}


def test_what_is_fixed_does_not_hide_what_is_not(contract: Contract) -> None:
    every = [*page_info(contract)[:3], *page_info(contract, state=FindingState.FIXED)[3:5]]
    found = grouped(contract, every)
    assert [(len(one.places), one.state) for one in found] == [
        (0, FindingState.FIXED),
        (0, FindingState.FIXED),
        (3, FindingState.NEW),
    ]
    (gone,) = grouped(contract, page_info(contract, state=FindingState.FIXED))
    assert (gone.state, gone.breaks) == (FindingState.FIXED, False)


def test_another_place_of_a_known_cause_is_no_news(contract: Contract) -> None:
    new, known = page_info(contract)[0], page_info(contract, state=FindingState.KNOWN)[1]
    assert grouped(contract, [new, known])[0].state is FindingState.KNOWN


def test_an_object_without_a_schema_goes_by_the_field_that_holds_it(contract: Contract) -> None:
    places = {"authorized_users.retrieve": "/user/name", "course_students.list": "/data/*/user/name"}
    (cause,) = grouped(contract, [told(operation=id, location=place) for id, place in places.items()])
    assert (cause.operation, cause.location) == ("object:user", "/name")
    assert {(place.operation, place.location) for place in cause.places} == set(places.items())
