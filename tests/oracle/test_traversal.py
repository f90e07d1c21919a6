"""Requests to one list, as traversals and steps back."""

from __future__ import annotations

import pytest

from tests.checks.support import exchange, page
from tests.oracle.support import ITEMS, OWN, PLANS, all_pages, history, plan, plans, request
from whopwatch.contract import Contract
from whopwatch.contract.loader import load
from whopwatch.core.exchange import Purpose
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.oracle.traversal import signature

AFTER = ("after", "c-plan_5")


def test_pages_are_joined_by_their_cursors(contract: Contract) -> None:
    made = history(contract, *all_pages(ITEMS, size=2))

    (traversal,) = made.traversals
    assert [len(page.items) for page in traversal.pages] == [2, 2, 2]
    assert traversal.ids == [item["id"] for item in ITEMS]
    assert (traversal.indexes, traversal.is_whole, traversal.is_complete, made.count) == ([0, 1, 2], True, True, 3)
    assert [item["id"] for item in made.whole_lists[0][1].items] == traversal.ids


def test_a_later_page_belongs_to_the_latest_traversal_that_gave_its_cursor(contract: Contract) -> None:
    first = all_pages(ITEMS, size=2)
    made = history(contract, *first[:2], *first[:2])

    assert [one.indexes for one in made.traversals] == [[0, 1], [2, 3]]


def test_a_page_from_the_middle_begins_another_traversal(contract: Contract) -> None:
    pages = all_pages(ITEMS, size=2)
    made = history(contract, *pages, pages[1])

    assert [one.indexes for one in made.traversals] == [[0, 1, 2], [0, 3]]


def test_an_experiment_goes_on_beside_the_whole_list(contract: Contract) -> None:
    pages = all_pages(ITEMS, size=2)
    made = history(contract, pages[0], request(plans(4, 3), ("first", "2"), AFTER, has_next=True), *pages[1:])

    assert [(one.indexes, one.is_whole) for one in made.traversals] == [
        ([0], False),
        ([0, 1], False),
        ([0, 2, 3], True),
    ]


def test_filters_and_lists_are_kept_apart(contract: Contract) -> None:
    hidden = ("visibilities[]", "hidden")
    pages = all_pages(ITEMS, size=2)
    elsewhere = exchange(PLANS, page([]), purpose=Purpose.NEXT_PAGE, query=(("company_id", "biz_2"), AFTER))
    made = history(contract, pages[0], request(plans(5, 3), hidden), request(plans(1), hidden, AFTER), elsewhere)

    assert [one.selection for one in made.traversals] == [(), (hidden,)]
    assert [one.indexes for one in made.traversals] == [[0], [1]]  # no page gave the cursor under that filter


def test_a_step_back_starts_at_the_start_of_a_page(contract: Contract) -> None:
    pages = all_pages(ITEMS, size=2)
    back = request(plans(6, 5), ("last", "2"), ("before", "c-plan_4"), purpose=Purpose.PREVIOUS_PAGE)
    made = history(contract, *pages, back, request([], ("last", "2"), ("before", "unknown")))

    (step,) = made.steps_back
    assert ([page.ids for page in step.traversal.pages], step.page.ids, step.index) == (
        [["plan_6", "plan_5"], ["plan_4", "plan_3"]],
        ["plan_6", "plan_5"],
        3,
    )
    assert len(made.traversals) == 1


def test_what_is_no_page_is_left_out(contract: Contract) -> None:
    made = history(
        contract,
        exchange(PLANS, page([]), purpose=Purpose.NO_KEY, query=OWN),
        exchange(PLANS, page([]), status=None, query=OWN),
        request([], ("last", "2")),
        request([], ("after", "a"), ("before", "b")),
        request([], ("last", "2"), ("after", "c-plan_5"), ("before", "c-plan_5")),
    )

    assert (made.traversals, made.steps_back, made.count) == ([], [], 5)


def test_when_a_list_is_whole(contract: Contract) -> None:
    complete = request(ITEMS, purpose=Purpose.LIST)
    for made, is_whole in [
        (complete, True),
        (request(ITEMS), False),  # an experiment
        (request(ITEMS, ("direction", "asc"), purpose=Purpose.LIST), False),
        (request(ITEMS, purpose=Purpose.LIST, has_next=True), False),
        (request([], value={"data": [None], "page_info": {"has_next_page": False}}, purpose=Purpose.LIST), False),
    ]:
        (traversal,) = history(contract, made).traversals
        assert traversal.is_whole is is_whole
        assert (traversal.whole(history(contract).parameters) is not None) is is_whole


def test_items_that_nothing_distinguishes_make_no_whole_list(contract: Contract) -> None:
    equal = history(contract, request([{"x": 1}, {"x": 1}], purpose=Purpose.LIST, start=None, end=None))
    twice = history(contract, request([plan(1), plan(1)], purpose=Purpose.LIST))

    assert equal.traversals[0].has_equal_items
    assert not twice.traversals[0].has_equal_items
    assert not history(contract, *all_pages(ITEMS)).traversals[0].has_equal_items
    assert list(equal.whole_lists) == list(twice.whole_lists) == []


def test_a_list_before_and_after(contract: Contract) -> None:
    old, new = all_pages(plans(2, 1)), all_pages(plans(3, 2, 1))
    made = history(contract, *old, request([]), *old, request([]), *new)
    key = made.traversals[0].list_key

    def ids(found: object) -> list[str] | None:
        return [item["id"] for item in found.items] if found else None  # type: ignore[attr-defined]

    assert ids(made.whole_before(key, 1)) == ids(made.whole_before(key, 2)) == ["plan_2", "plan_1"]
    assert ids(made.whole_after(key, 3)) == ["plan_3", "plan_2", "plan_1"]
    assert ids(made.whole_after(key, 2)) == ["plan_3", "plan_2", "plan_1"]
    assert (made.whole_before(key, 0), made.whole_after(key, 4)) == (None, None)
    assert made.unchanged_between(key, 1, 1) is not None
    assert made.unchanged_between(key, 1, 3) is None  # another list after it
    assert made.unchanged_between((), 1, 1) is None


def test_a_change_that_no_filter_and_no_order_reads_is_none(contract: Contract) -> None:
    before, after = all_pages([plan(1, title="a")]), all_pages([plan(1, title="b")])
    hidden = all_pages([plan(1, visibility="hidden")])

    assert history(contract, *before, request([]), *after).unchanged_between(_key(contract), 1, 1)
    assert not history(contract, *before, request([]), *hidden).unchanged_between(_key(contract), 1, 1)


def test_a_signature_has_each_filtered_and_sorted_field(contract: Contract) -> None:
    (whole,) = [whole for _, whole in history(contract, *all_pages([plan(1)])).whole_lists]

    (row,) = signature(whole)

    assert row[0] == "plan_1"
    assert {"'visible'", "'2026-01-01T00:00:00Z'", "None"} <= set(row)


def _key(contract: Contract) -> tuple[object, ...]:
    return history(contract, *all_pages([plan(1)])).traversals[0].list_key


@pytest.mark.parametrize("edition", ["2025-01-01", "2026-10-15-1"])
def test_a_list_whose_sorted_values_changed_is_another_one(edition: str) -> None:
    contract = load(edition)
    parameters = ListParameters(contract, contract.operations["plans.list"])
    before, after = (WholeList([plan(1, internal_notes=text, title=text)], parameters) for text in ("a", "b"))
    renamed = WholeList([plan(1, internal_notes="a", title="b")], parameters)

    assert signature(before) != signature(after)
    assert signature(before) == signature(renamed)
