"""One page of a list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, page
from whopwatch.oracle.page import ListPage, filters_and_order, identity, list_key


@pytest.mark.parametrize(
    ("value", "usable", "rows", "info"),
    [
        (page([{"id": "a"}]), True, [{"id": "a"}], True),
        (page([]), True, [], True),
        ({"data": [{"id": "a"}, None], "page_info": {"x": 1}}, False, [{"id": "a"}, None], True),
        ({"data": [{"id": "a"}]}, False, [{"id": "a"}], False),
        ({"data": {}, "page_info": {"x": 1}}, False, [], True),
        ({"data": [], "page_info": []}, False, [], False),
        ([], False, [], False),
        (None, False, [], False),
    ],
)
def test_a_page_is_usable_if_it_is_complete(value: Any, usable: bool, rows: list[Any], info: bool) -> None:
    made = ListPage(exchange("plans.list", value))

    assert (made.usable, made.rows, bool(made.page_info)) == (usable, rows, info)
    assert made.items == (rows if usable else ())
    assert made.has_data is (isinstance(value, dict) and isinstance(value["data"], list))


def test_a_failed_response_is_no_page() -> None:
    made = ListPage(exchange("plans.list", page([{"id": "a"}]), status=500))

    assert (made.usable, made.rows, made.ids) == (False, [], [])


def test_ids_are_what_distinguishes_items() -> None:
    made = ListPage(exchange("plans.list", page([{"id": "a"}, {"x": 1, "b": 2}], start=None, end=None)))

    assert made.ids == ["a", '{"b": 2, "x": 1}'] == [identity(item) for item in made.items]
    assert made.own_ids == ["a"]
    assert ListPage(exchange("plans.list", {"data": [{"id": 1}, "x", {"id": "b"}]})).own_ids == ["b"]
    assert identity({"id": 3}) == '{"id": 3}'


def test_page_info_and_cursors() -> None:
    made = ListPage(exchange("plans.list", page([{"id": "a"}], start="", end=7, has_next=True)))
    unusable = ListPage(exchange("plans.list", {"data": [None], "page_info": {"end_cursor": "c"}}))

    assert (made.info("end_cursor"), made.info("has_next_page"), made.info("none")) == (7, True, None)
    assert (made.cursor("start_cursor"), made.cursor("end_cursor")) == ("c-a", None)
    assert ListPage(exchange("plans.list", page([], start="x", end=""))).cursor("end_cursor") is None
    assert (unusable.info("end_cursor"), unusable.cursor("end_cursor")) == (None, "c")
    assert not made.is_last
    assert ListPage(exchange("plans.list", page([]))).is_last
    assert not ListPage(exchange("plans.list", {"data": [], "page_info": {}})).is_last


@pytest.mark.parametrize(("query", "size"), [((), None), ((("first", "7"),), 7), ((("first", "x"),), None)])
def test_the_requested_size(query: tuple[tuple[str, str], ...], size: int | None) -> None:
    assert ListPage(exchange("plans.list", None, query=query)).size() == size


def test_the_size_backwards_is_another_parameter() -> None:
    assert ListPage(exchange("plans.list", None, query=(("last", "3"),))).size("last") == 3


def test_which_list_is_requested() -> None:
    optional = frozenset({"order", "status"})
    query = (("company_id", "biz_1"), ("first", "3"), ("order", "a"), ("after", "x"), ("status", "b"), ("a", "1"))
    made = exchange("plans.list", None, query=query, path={"id": "x"})
    other = exchange("plans.list", None, query=(("a", "1"), ("company_id", "biz_1")), path={"id": "x"})

    assert list_key(made, optional) == list_key(other, optional)
    assert list_key(made, optional) != list_key(exchange("plans.list", None, query=other.query), optional)
    assert list_key(made, optional) != list_key(exchange("plans.list", None, path={"id": "x"}), optional)
    assert filters_and_order(made, optional) == (("order", "a"), ("status", "b"))
