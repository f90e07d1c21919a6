"""The walk: which pages it asks for, and that it always ends."""

from __future__ import annotations

import pytest

from tests.planning.support import answer, page
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.list_requests import remaining_pages


@pytest.fixture
def first(contract: Contract) -> Call:
    query = (("company_id", "biz_1"), ("first", "2"))
    return Call(contract.operation("products.list"), Purpose.LIST, query=query)


def test_a_walk_goes_on_by_the_end_cursor_to_the_last_page(first: Call) -> None:
    steps = remaining_pages(first, answer(first, page(["a", "b"], "c1", more=True)), 41)
    second = next(steps)
    assert second.purpose is Purpose.NEXT_PAGE
    assert second.query == (("company_id", "biz_1"), ("first", "2"), ("after", "c1"))
    third = steps.send(answer(second, page(["c", "d"], "c2", more=True, start="s2")))
    assert third.query == (("company_id", "biz_1"), ("first", "2"), ("after", "c2"))
    with pytest.raises(StopIteration):
        steps.send(answer(third, page(["e"], "c3")))


@pytest.mark.parametrize(
    "only",
    [
        page(["a"], "c1"),
        page(["a"], None, more=True),
        page(["a"], "", more=True),
        page(["a"], "c" * 70_000, more=True),
        {"data": [], "page_info": None},
        [],
        None,
    ],
)
def test_a_page_that_leads_nowhere_ends_the_walk(first: Call, only: object) -> None:
    assert list(remaining_pages(first, answer(first, only), 41)) == []


def test_a_cursor_that_leads_back_ends_the_walk(first: Call) -> None:
    steps = remaining_pages(first, answer(first, page(["a"], "c1", more=True)), 50)
    call = next(steps)
    with pytest.raises(StopIteration):
        steps.send(answer(call, page(["a"], "c1", more=True)))


def test_a_list_without_end_is_left_after_the_given_pages(first: Call) -> None:
    steps = remaining_pages(first, answer(first, page(["a"], "c0", more=True)), 5)
    call = next(steps)
    for number in (1, 2, 3):
        call = steps.send(answer(call, page([f"x{number}"], f"c{number}", more=True)))
    with pytest.raises(StopIteration):
        steps.send(answer(call, page(["x4"], "c4", more=True)))


def test_a_page_that_fails_ends_the_walk(first: Call) -> None:
    steps = remaining_pages(first, answer(first, page(["a"], "c1", more=True)), 41)
    second = next(steps)
    with pytest.raises(StopIteration):
        steps.send(answer(second, {"error": {}}, status=500))
