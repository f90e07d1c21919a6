"""A violation is suspected after one look, and proven if the list was the same before and after."""

from __future__ import annotations

from typing import Any

from tests.checks.support import exchange, page
from tests.oracle.support import ITEMS, PLANS, all_pages, history, plan, request
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.list_comparison import proven_violations, suspected_violations

ALL = ("first", "100")
VISIBLE = ("visibilities[]", "visible")
WHOLE = all_pages(ITEMS)
IGNORED = request(ITEMS, ALL, VISIBLE)
RIGHT = request([item for item in ITEMS if item["visibility"] == "visible"], ALL, VISIBLE)


def proven(contract: Contract, *exchanges: Exchange) -> list[Any]:
    return [(one.rule, one.location, index) for one, index in proven_violations(history(contract, *exchanges))]


def suspected(contract: Contract, since: int, *exchanges: Exchange) -> list[Any]:
    return [(one.rule, index) for one, index in suspected_violations(history(contract, *exchanges), since)]


def test_one_look_is_a_suspicion_two_are_a_proof(contract: Contract) -> None:
    expected = [(rules.PARAMETER_IGNORED, "param:visibilities[]", 1)]

    assert suspected(contract, 0, *WHOLE, IGNORED) == [(rules.PARAMETER_IGNORED, 1)]
    assert proven(contract, *WHOLE, IGNORED) == []
    assert proven(contract, *WHOLE, IGNORED, *WHOLE) == expected
    assert proven(contract, *WHOLE, IGNORED, *all_pages(ITEMS[1:])) == []  # the list changed
    assert proven(contract, *WHOLE, RIGHT, *WHOLE) == []


def test_only_what_came_since_is_suspected(contract: Contract) -> None:
    assert suspected(contract, 1, *WHOLE, IGNORED) == [(rules.PARAMETER_IGNORED, 1)]
    assert suspected(contract, 2, *WHOLE, IGNORED, RIGHT) == []
    assert suspected(contract, 0, IGNORED, *WHOLE) == []  # nothing was known then


def test_an_experiment_that_continues_the_whole_list_is_compared_with_the_list_before(contract: Contract) -> None:
    first = request(ITEMS[:2], ("first", "2"), purpose=Purpose.LIST, has_next=True)
    aside = request(ITEMS[3:], ALL, ("after", "c-plan_5"), has_previous=True)

    assert proven(contract, *WHOLE, first, aside, *WHOLE) == [(rules.ITEMS_SKIPPED, "param:after", 1)]


def test_a_step_back_is_compared_with_the_pages_before(contract: Contract) -> None:
    pages = (
        request(ITEMS[:2], ("first", "2"), has_next=True),
        request(ITEMS[2:4], ("first", "2"), ("after", "c-plan_5"), has_next=True, has_previous=True),
    )
    back = request(ITEMS[1::-1], ("last", "2"), ("before", "c-plan_4"), has_next=True)

    expected = (rules.WRONG_PAGE_BACK, "param:before", 3)
    assert proven(contract, *WHOLE, *pages, back, *WHOLE) == [expected]
    assert suspected(contract, 3, *WHOLE, *pages, back) == [(expected[0], 3)]
    assert suspected(contract, 4, *WHOLE, *pages, back) == []
    other = request(ITEMS[1::-1], ("last", "2"), ("before", "c-plan_4"), has_next=True, purpose=Purpose.PREVIOUS_PAGE)
    assert proven(contract, *WHOLE, *pages, other, *WHOLE) == []  # another check compares it


def test_items_of_equal_rank_keep_their_order(contract: Contract) -> None:
    items = [plan(number, member_count=1) for number in (3, 2, 1)]
    order = ("order", "active_members_count")
    one, other = request(items, ALL, order), request(items[::-1], ALL, order)
    asked = all_pages(items)

    assert proven(contract, *asked, one, other, *asked) == [(rules.ORDER_CHANGES, "param:order", 2)]
    assert suspected(contract, 0, *asked, one, other) == [(rules.ORDER_CHANGES, 2)]
    assert suspected(contract, 3, *asked, one, other) == []
    assert proven(contract, *asked, one, one, *asked) == []


def test_the_order_is_compared_with_every_earlier_traversal_of_the_same_list(contract: Contract) -> None:
    items = [plan(number, member_count=1) for number in (3, 2, 1)]
    order = ("order", "active_members_count")
    one, turned = request(items, ALL, order), request(items[::-1], ALL, order)
    other_list = exchange(PLANS, page(items[::-1]), purpose=Purpose.QUERY, query=(("company_id", "biz_2"), order))
    asked = all_pages(items)

    assert proven(contract, *asked, one, other_list, *asked) == []
    assert proven(contract, *asked, one, one, turned, *asked) == [(rules.ORDER_CHANGES, "param:order", 3)]


def test_a_list_is_compared_with_its_own_last_state(contract: Contract) -> None:
    turned = [ITEMS[1], ITEMS[0], *ITEMS[2:]]

    assert proven(contract, *WHOLE, *all_pages(turned), *all_pages(turned)) == [(rules.ORDER_CHANGES, "/data", 1)]
    elsewhere = exchange(PLANS, page(turned), query=(("company_id", "biz_2"), ("first", "100")))
    assert proven(contract, *WHOLE, elsewhere) == []


def test_the_same_items_in_another_order_without_any_order(contract: Contract) -> None:
    turned = all_pages([ITEMS[1], ITEMS[0], *ITEMS[2:]])

    assert proven(contract, *WHOLE, *turned) == [(rules.ORDER_CHANGES, "/data", 1)]
    assert proven(contract, *WHOLE, *WHOLE) == []
    assert proven(contract, *WHOLE, *all_pages(ITEMS[::-1][1:])) == []  # other items
    changed = [{**ITEMS[1], "visibility": "x"}, ITEMS[0], *ITEMS[2:]]
    assert proven(contract, *WHOLE, *all_pages(changed)) == []


def test_equal_items_are_as_many_in_pages_of_any_size(contract: Contract) -> None:
    a, b = {"fee": 1}, {"fee": 2}

    def pages(items: list[Any], *query: tuple[str, str], purpose: Purpose = Purpose.LIST) -> Exchange:
        return request(items, *query, purpose=purpose, start=None, end=None)

    whole, same = pages([a, a, b]), pages([b, a, a], ALL, purpose=Purpose.QUERY)
    fewer = pages([a, b], ALL, purpose=Purpose.QUERY)

    assert proven(contract, whole, fewer, whole) == [(rules.SIZE_CHANGES_ITEMS, "/data/*", 1)]
    assert proven(contract, whole, same, whole) == []
    assert proven(contract, whole, fewer) == []
    assert proven(contract, whole, fewer, pages([a, a, a])) == []
    assert proven(contract, whole, pages([a, b], VISIBLE, purpose=Purpose.QUERY), whole) == []
    elsewhere = exchange(
        PLANS, page([a, b], start=None, end=None), purpose=Purpose.QUERY, query=(("company_id", "x"), ALL)
    )
    assert proven(contract, whole, elsewhere, whole) == []
    changed = pages([a, b, b])
    assert proven(contract, changed, fewer, whole, whole) == []  # the list before the smaller pages was another one
    unfinished = request([a], ALL, start=None, end=None, has_next=True)
    assert proven(contract, whole, unfinished, whole) == []


def test_a_step_back_is_compared_only_with_a_list_from_before_its_pages(contract: Contract) -> None:
    first = request(ITEMS[:2], ("first", "2"), has_next=True)
    second = request(ITEMS[2:4], ("first", "2"), ("after", "c-plan_5"), has_next=True, has_previous=True)
    back = request(ITEMS[1::-1], ("last", "2"), ("before", "c-plan_4"), has_next=True)
    assert suspected(contract, 0, first, *WHOLE, second, back) == []


def test_different_orders_are_not_compared_with_each_other(contract: Contract) -> None:
    items = [plan(number, member_count=1) for number in (3, 2, 1)]
    by_members = request(items, ALL, ("order", "active_members_count"))
    by_date = request(items[::-1], ALL, ("order", "created_at"), ("direction", "asc"))
    assert proven(contract, *all_pages(items), by_members, by_date, *all_pages(items)) == []
