"""The walk: which pages it asks for, and that it always ends."""

from __future__ import annotations

import pytest

from tests.plan.support import answer, page
from whopwatch.client import Call
from whopwatch.contract import Contract
from whopwatch.exchange import Purpose
from whopwatch.plan.walk import walk


@pytest.fixture
def first(contract: Contract) -> Call:
    query = (("company_id", "biz_1"), ("first", "2"))
    return Call(contract.operation("products.list"), Purpose.LIST, query=query)


def test_a_walk_goes_forward_by_the_end_cursor_and_one_step_back_by_the_start_cursor(first: Call) -> None:
    steps = walk(first, answer(first, page(["a", "b"], "c1", more=True)))
    second = next(steps)
    assert second.purpose is Purpose.NEXT_PAGE
    assert second.query == (("company_id", "biz_1"), ("first", "2"), ("after", "c1"))
    third = steps.send(answer(second, page(["c", "d"], "c2", more=True, start="s2")))
    assert third.query == (("company_id", "biz_1"), ("first", "2"), ("after", "c2"))
    back = steps.send(answer(third, page(["e"], "c3")))
    assert back.purpose is Purpose.PREVIOUS_PAGE
    assert back.query == (("company_id", "biz_1"), ("last", "2"), ("before", "s2"))
    with pytest.raises(StopIteration):
        steps.send(answer(back, page(["a", "b"], "c1")))


@pytest.mark.parametrize(
    "only",
    [
        page(["a"], "c1"),
        page(["a"], None, more=True),
        page(["a"], "", more=True),
        {"data": [], "page_info": None},
        [],
        None,
    ],
)
def test_a_page_that_leads_nowhere_ends_the_walk(first: Call, only: object) -> None:
    assert list(walk(first, answer(first, only))) == []


def test_a_cursor_that_leads_back_ends_the_walk(first: Call) -> None:
    steps = walk(first, answer(first, page(["a"], "c1", more=True)), pages=50)
    call, asked = next(steps), 0
    while call.purpose is Purpose.NEXT_PAGE:
        asked += 1
        call = steps.send(answer(call, page(["a"], "c1", more=True)))
    assert asked == 1


def test_a_list_without_end_is_left_after_the_given_pages(first: Call) -> None:
    steps = walk(first, answer(first, page(["a"], "c0", more=True)), pages=5)
    call, asked = next(steps), 0
    while call.purpose is Purpose.NEXT_PAGE:
        asked += 1
        call = steps.send(answer(call, page([f"x{asked}"], f"c{asked}", more=True)))
    assert asked == 4


def test_a_page_that_fails_ends_the_walk(first: Call) -> None:
    steps = walk(first, answer(first, page(["a"], "c1", more=True)))
    second = next(steps)
    with pytest.raises(StopIteration):
        steps.send(answer(second, {"error": {}}, status=500))
