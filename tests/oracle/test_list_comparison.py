"""Traversals compared with the whole list: each fault has its rule and its location."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.oracle.support import ITEMS, history, plan, plans, request, whole
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Rule
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.list_comparison import compare_step_back, compare_traversal, met_by_traversal
from whopwatch.oracle.page import ListPage
from whopwatch.oracle.traversal import StepBack, Traversal

ALL = ("first", "100")
ASC, DESC = ("direction", "asc"), ("direction", "desc")
VISIBLE, HIDDEN = ("visibilities[]", "visible"), ("visibilities[]", "hidden")
BOTH = (VISIBLE, HIDDEN)
LATE = ("created_after", "2026-01-04T00:00:00Z")
NEXT, PREVIOUS = "/page_info/has_next_page", "/page_info/has_previous_page"
Found = list[tuple[Rule, str]]


def items(*numbers: int) -> list[dict[str, Any]]:
    return [ITEMS[6 - number] if 0 < number < 7 else plan(number) for number in numbers]


def traversal(contract: Contract, *exchanges: Exchange) -> Traversal:
    return history(contract, *exchanges).traversals[0]


def compare(contract: Contract, *exchanges: Exchange) -> Found:
    return [tuple(one) for one in compare_traversal(whole(contract), traversal(contract, *exchanges))]  # type: ignore[misc]


def page(numbers: Sequence[int], *query: tuple[str, str], **info: Any) -> Exchange:
    return request(items(*numbers), *query, **info)


def after(number: int) -> tuple[str, str]:
    return "after", f"c-plan_{number}"


RIGHT: list[tuple[Exchange, ...]] = [
    (page((6, 5, 4, 3, 2, 1), ALL),),
    (page((1, 2, 3, 4, 5, 6), ALL, ASC),),
    (page((6, 4, 2), ALL, VISIBLE),),
    (page((), ALL, ("created_after", "2030-01-01T00:00:00Z")),),
    (page((6, 5), ("first", "2"), has_next=True), page((4, 3, 2, 1), ALL, after(5), has_previous=True)),
    (page((6, 5), ("first", "2"), has_next=True),),
]


@pytest.mark.parametrize("exchanges", RIGHT)
def test_what_follows_from_the_list_is_right(contract: Contract, exchanges: tuple[Exchange, ...]) -> None:
    assert compare(contract, *exchanges) == []


WRONG: list[tuple[tuple[Exchange, ...], Found]] = [
    # a page that is rejected
    ((page((), ALL, VISIBLE, status=400),), [(rules.QUERY_REJECTED, "param:visibilities[]")]),
    ((page((), ALL, VISIBLE, ASC, status=422),), [(rules.ANY_QUERY_REJECTED, "status")]),
    ((page((), ALL, status=400),), [(rules.ANY_QUERY_REJECTED, "status")]),
    ((page((), ALL, VISIBLE, status=400, value={"error": {"code": "parameter_missing", "param": "order"}}),), []),
    (
        (
            page(
                (), ALL, VISIBLE, status=400, value={"error": {"code": "parameter_missing", "param": "visibilities[]"}}
            ),
        ),
        [(rules.QUERY_REJECTED, "param:visibilities[]")],
    ),
    (
        (page((), ALL, VISIBLE, ASC, status=400, value={"error": {"param": "direction"}}),),
        [(rules.QUERY_REJECTED, "param:direction")],
    ),
    (
        (page((), ALL, VISIBLE, status=404, value={"error": {"param": "x"}}),),
        [(rules.QUERY_REJECTED, "param:visibilities[]")],
    ),
    ((page((), ALL, VISIBLE, status=403),), []),
    ((page((), ALL, VISIBLE, status=500),), []),
    # one parameter explains the first page
    ((page((6, 5, 4, 3, 2, 1), ALL, VISIBLE),), [(rules.PARAMETER_IGNORED, "param:visibilities[]")]),
    ((page((6, 5, 4), ALL, LATE, VISIBLE),), [(rules.EXCLUDED_ITEM, "param:visibilities[]")]),  # one too many
    ((page((5, 3, 1), ALL, HIDDEN, VISIBLE),), [(rules.PARAMETER_MISREAD, "param:visibilities[]")]),
    ((page((6, 4, 2), ALL, HIDDEN, VISIBLE),), [(rules.PARAMETER_MISREAD, "param:visibilities[]")]),
    (
        (page((6, 5, 4, 3, 2, 1), ALL, ASC, VISIBLE),),
        [(rules.EXCLUDED_ITEM, "param:visibilities[]")] * 3 + [(rules.WRONG_ORDER, "param:direction")],
    ),
    ((page((6, 4, 2), ALL, ASC, VISIBLE),), [(rules.PARAMETER_IGNORED, "param:direction")]),
    ((page((1, 2, 3, 4, 5, 6), ALL, DESC),), [(rules.PARAMETER_MISREAD, "param:direction")]),
    # a page by itself
    ((page((6, 5, 4), ("first", "2"), LATE),), [(rules.TOO_MANY_ITEMS, "param:first")]),
    ((page((6, 6, 5, 4), ALL, LATE),), [(rules.ITEM_TWICE, "/data/*/id")]),
    # unknown and excluded items
    ((page((9, 6, 5, 4), ALL, LATE),), [(rules.NOT_IN_LIST, "param:created_after")]),
    ((page((9, 6, 5, 4, 3, 2, 1), ALL),), [(rules.NOT_IN_LIST, "/data")]),
    ((page((9, 6, 4), ALL, LATE, VISIBLE),), [(rules.NOT_IN_LIST, "/data")]),
    ((page((6, 5, 4, 2), ALL, LATE),), [(rules.EXCLUDED_ITEM, "param:created_after")]),
    # order and gaps
    ((page((6, 5, 3, 4, 2, 1), ALL),), [(rules.WRONG_ORDER, "/data")]),
    ((page((6, 4, 5), ALL, LATE, DESC),), [(rules.WRONG_ORDER, "param:direction")]),
    ((page((6, 5, 3, 2, 1), ALL),), [(rules.ITEM_MISSING, "/data")]),
    ((page((5, 4, 3, 2, 1), ALL),), [(rules.ITEMS_SKIPPED, "/data")]),
    ((page((6, 4), ALL, LATE),), [(rules.ITEM_MISSING, "param:created_after")]),  # the only parameter
    ((page((6, 4), ("first", "3"), LATE),), [(rules.ITEM_MISSING, "/data")]),  # on a page that may go on
    # the end
    ((page((6, 5, 4, 3), ALL),), [(rules.ENDS_EARLY, "/data")]),
    ((page((6, 5, 4, 3), ("first", "4")),), [(rules.NEXT_PAGE_DENIED, NEXT)]),
    ((page((6, 5, 4, 3)),), [(rules.NEXT_PAGE_DENIED, NEXT)]),
    ((page((), ALL),), [(rules.ENDS_EARLY, "/data")]),
    ((page((6, 5, 4, 3, 2, 1), ALL, has_next=True),), [(rules.LAST_PAGE_HAS_NEXT, NEXT)]),
    ((page((6, 5, 4), ALL, LATE, has_previous=True),), [(rules.OTHER_SIDE_WRONG, PREVIOUS)]),
    # a second page
    (
        (page((6, 5), ("first", "2"), has_next=True), page((3, 2, 1), ALL, after(5), has_previous=True)),
        [(rules.ITEMS_SKIPPED, "param:after")],
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((5, 4, 3, 2, 1), ALL, after(5), has_previous=True)),
        [(rules.EARLIER_ITEMS, "param:after")],
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((6, 5), ("first", "2"), after(5), has_next=True)),
        [(rules.EARLIER_ITEMS, "param:after")],  # it begins anew
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((6,), ("first", "2"), after(5), has_previous=True)),
        [(rules.EARLIER_ITEMS, "param:after")],  # it begins anew, with fewer items
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((6, 5, 4), ALL, after(5), has_previous=True)),
        [(rules.EARLIER_ITEMS, "param:after")],  # with more
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((5,), ("first", "2"), after(5), has_previous=True)),
        [(rules.EARLIER_ITEMS, "param:after"), (rules.ENDS_EARLY, "/data")],  # it shows the end of the page before
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((), ("first", "2"), after(5), has_previous=True)),
        [(rules.ENDS_EARLY, "/data")],  # an empty page does not begin anew
    ),
    (
        (page((6, 5), ("first", "2"), has_next=True), page((4, 3, 2, 1), ALL, after(5))),
        [(rules.OTHER_SIDE_WRONG, PREVIOUS)],
    ),
    (
        (
            page((6, 5), ("first", "2"), has_next=True, end="c"),
            page((4, 3), ("first", "2"), ("after", "c"), has_next=True, has_previous=True, end="c"),
        ),
        [(rules.QUERY_CURSOR_TWICE, "/page_info/end_cursor")],
    ),
]


@pytest.mark.parametrize(("exchanges", "expected"), WRONG)
def test_each_difference_has_its_rule_and_location(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: Found
) -> None:
    assert compare(contract, *exchanges) == expected


def test_the_first_wrong_page_ends_the_comparison(contract: Contract) -> None:
    pages = (page((6, 5), ("first", "2"), has_next=False), page((), ALL, after(5)))

    assert compare(contract, *pages) == [(rules.NEXT_PAGE_DENIED, NEXT)]


def test_pages_that_were_right_are_not_compared_again(contract: Contract) -> None:
    known = whole(contract)
    made = traversal(contract, page((6, 5), ("first", "2"), has_next=True))

    assert compare_traversal(known, made) == []
    assert len(known.verified) == 1
    grown = traversal(
        contract, page((6, 5), ("first", "2"), has_next=True), page((3,), ALL, after(5), has_previous=True)
    )
    grown.pages[0] = made.pages[0]
    assert [one.rule for one in compare_traversal(known, grown)] == [rules.ITEMS_SKIPPED, rules.ENDS_EARLY]


def test_items_without_ids_may_be_equal(contract: Contract) -> None:
    equal = [{"visibility": "visible"}, {"visibility": "visible"}]
    known = whole(contract, equal[:1])
    made = traversal(contract, request(equal, ALL, start=None, end=None))

    assert compare_traversal(known, made) == []


def test_an_open_filter_decides_nothing(contract: Contract) -> None:
    unknown = [{"id": item["id"], "created_at": item["created_at"]} for item in plans(2, 1)]
    made = traversal(contract, request(unknown[:1], ALL, VISIBLE))

    assert compare_traversal(whole(contract, unknown), made) == []


FORWARD = (
    page((6, 5), ("first", "2"), has_next=True),
    page((4, 3), ("first", "2"), after(5), has_next=True, has_previous=True),
)
LAST = ("last", "2")
BACK: list[tuple[Exchange, Found]] = [
    (page((6, 5), LAST, has_next=True), []),
    (page((5,), ("last", "1"), has_next=True, has_previous=True), []),
    (page((6, 5), ("last", "5"), has_next=True), []),
    (page((6, 5), has_next=True), []),
    (page((), LAST, status=400), [(rules.QUERY_REJECTED, "param:before")]),
    (page((), LAST, status=422), [(rules.QUERY_REJECTED, "param:before")]),
    (page((), LAST, status=500), []),
    (page((6, 5), ("last", "1"), has_next=True), [(rules.TOO_MANY_BACKWARDS, "param:last")]),
    (page((6,), ("last", "1"), has_next=True), [(rules.WRONG_PAGE_BACK, "param:last")]),
    (page((5, 6), LAST, has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),
    (page((), LAST, has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),
    (page((), has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),
    (page((6, 5), LAST, has_next=True, has_previous=True), [(rules.PREVIOUS_PAGE_WRONG, PREVIOUS)]),
    (page((5,), ("last", "1"), has_next=True), [(rules.PREVIOUS_PAGE_WRONG, PREVIOUS)]),
    (page((6, 5), LAST), [(rules.OTHER_SIDE_WRONG, NEXT)]),
]


@pytest.mark.parametrize(("back", "expected"), BACK)
def test_a_step_back_shows_the_pages_before(contract: Contract, back: Exchange, expected: Found) -> None:
    step = StepBack(traversal(contract, *FORWARD), ListPage(back), 2)

    assert compare_step_back(whole(contract), step) == expected


def test_an_item_without_a_rank_is_no_gap(contract: Contract) -> None:
    order = ("order", "active_members_count")  # no item shows what it sorts by
    made = traversal(contract, page((6, 4), ("first", "2"), order, has_next=True))

    assert compare_traversal(whole(contract), made) == []


def test_a_step_back_after_a_wrong_traversal_says_nothing(contract: Contract) -> None:
    wrong = traversal(contract, page((6, 4), ("first", "2"), has_next=True))
    step = StepBack(wrong, wrong.pages[0], 1)

    assert compare_step_back(whole(contract), step) == []


def test_a_step_back_shows_what_the_traversal_skipped(contract: Contract) -> None:
    # Nothing says that the second page may not skip item 4: the filter is open for it.
    unsure = [plan(6), plan(5), {"id": "plan_4", "created_at": plan(4)["created_at"]}, plan(3)]
    pages = (
        request(unsure[:2], ("first", "2"), VISIBLE, has_next=True),
        request(unsure[3:], ALL, VISIBLE, after(5), has_previous=True),
    )
    made = traversal(contract, *pages)
    step = StepBack(made, ListPage(request(unsure[1:3], LAST, has_next=True)), 2)

    assert compare_step_back(whole(contract, unsure), step) == [(rules.ITEMS_SKIPPED, "param:after")]


@pytest.mark.parametrize(
    ("back", "expected"),
    [
        (page((5, 4), LAST, has_next=True), [(rules.ITEMS_SKIPPED, "param:after")]),
        (page((6, 5, 4), ("last", "3"), has_next=True), [(rules.ITEMS_SKIPPED, "param:after")]),
        (page((6, 4), LAST, has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),  # not the end
        (page((5, 6, 4), ("last", "3"), has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),
        (page((4,), ("last", "1"), has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),  # no item of before
        (page((5, 9), LAST, has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),  # in no list
        (page((5, 3), LAST, has_next=True), [(rules.WRONG_PAGE_BACK, "param:before")]),  # shown by the page itself
    ],
)
def test_only_the_end_of_the_pages_before_shows_what_was_skipped(
    contract: Contract, back: Exchange, expected: Found
) -> None:
    unsure = [{name: item[name] for name in ("id", "created_at")} if item["id"] == "plan_4" else item for item in ITEMS]
    made = traversal(
        contract,
        page((6, 5), ("first", "2"), *BOTH, has_next=True),
        page((3,), ("first", "1"), *BOTH, after(5), has_next=True, has_previous=True),
    )
    assert compare_step_back(whole(contract, unsure), StepBack(made, ListPage(back), 2)) == expected


COUNTED = [plan(number, member_count={5: 9, 3: 5, 2: 7}.get(number)) for number in (5, 4, 3, 2, 1)]
"""Plans 4 and 1 have no value to sort by."""
BY_COUNT = ("order", "active_members_count")


def compare_counted(contract: Contract, *pages: tuple[Sequence[int], Sequence[tuple[str, str]]]) -> Found:
    """Compare a traversal of COUNTED; each page is its plans' numbers and its query."""
    by_number = {one["id"]: one for one in COUNTED}
    shown = [
        request(
            [by_number[f"plan_{number}"] for number in numbers],
            *query,
            has_next=place < len(pages) - 1,
            has_previous=place > 0,
        )
        for place, (numbers, query) in enumerate(pages)
    ]
    found = compare_traversal(whole(contract, COUNTED), traversal(contract, *shown))
    return [(one.rule, one.location) for one in found]


@pytest.mark.parametrize(
    ("numbers", "query", "expected"),
    [
        ((5, 2, 3, 4, 1), (DESC,), []),
        ((4, 1, 3, 2, 5), (ASC,), []),
        ((4, 1, 5, 2, 3), (DESC,), [(rules.NULLS_ELSEWHERE, "param:order")]),
        ((3, 2, 5, 4, 1), (ASC,), [(rules.NULLS_ELSEWHERE, "param:order")]),
        ((4, 1, 3, 2, 5), (DESC,), [(rules.PARAMETER_MISREAD, "param:direction")]),
        ((2, 5, 3, 4, 1), (DESC,), [(rules.WRONG_ORDER, "param:order")]),
        ((2, 4, 5, 3, 1), (DESC,), [(rules.WRONG_ORDER, "param:order")]),
        ((4, 1, 5, 2), (DESC,), [(rules.NULLS_ELSEWHERE, "param:order"), (rules.ENDS_EARLY, "/data")]),
    ],
)
def test_nulls_may_be_on_either_side_and_values_may_not(
    contract: Contract, numbers: Sequence[int], query: Sequence[tuple[str, str]], expected: Found
) -> None:
    assert compare_counted(contract, (numbers, (ALL, BY_COUNT, *query))) == expected


def test_nulls_are_on_one_side_of_all_pages(contract: Contract) -> None:
    size, after_one = ("first", "2"), ("after", "c-plan_1")
    assert compare_counted(
        contract, ((4, 1), (size, BY_COUNT, DESC)), ((5, 2, 3), (ALL, after_one, BY_COUNT, DESC))
    ) == [(rules.NULLS_ELSEWHERE, "param:order")]
    after_two = ("after", "c-plan_2")
    found = compare_counted(contract, ((5, 2), (size, BY_COUNT, DESC)), ((4, 1, 3), (ALL, after_two, BY_COUNT, DESC)))
    assert (rules.WRONG_ORDER, "param:order") in found


def test_what_a_traversal_shows_of_undocumented_rules(contract: Contract) -> None:
    listed = whole(contract, COUNTED)

    def shown(numbers: Sequence[int], *query: tuple[str, str]) -> set[Rule]:
        by_number = {one["id"]: one for one in COUNTED}
        made = request([by_number[f"plan_{number}"] for number in numbers], ALL, BY_COUNT, *query)
        return set(met_by_traversal(listed, traversal(contract, made)))

    assert shown((5, 2, 3, 4, 1), DESC) == {rules.NULLS_ELSEWHERE}
    assert shown((4, 1, 5, 2, 3), DESC) == set()
    assert shown((2, 5, 3, 4, 1), DESC) == set()
    pages = (page((6, 5), ("first", "2"), has_next=True), page((4, 3, 2, 1), ALL, after(5), has_previous=True))
    assert set(met_by_traversal(whole(contract), traversal(contract, *pages))) == {rules.OTHER_SIDE_WRONG}
