"""The rules of a page, a traversal and a step back by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.checks.support import exchange, page
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import rules_in
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.page import ListPage, page_violations, step_back_violation, traversal_violations

A, B, C = {"id": "a"}, {"id": "b"}, {"id": "c"}
START, END = "/page_info/start_cursor", "/page_info/end_cursor"
NEXT, PREVIOUS = "/page_info/has_next_page", "/page_info/has_previous_page"


def made(items: list[Any], purpose: Purpose = Purpose.LIST, query: Any = (), **info: Any) -> ListPage:
    return ListPage(exchange("plans.list", page(items, **info), purpose=purpose, query=query))


def without(name: str, *items: Any) -> ListPage:
    body = page(list(items))
    del body["page_info"][name]
    return ListPage(exchange("plans.list", body))


PAGES = [
    (made([A, B], query=(("first", "2"),)), []),
    (made([]), []),
    (made([], start="c", end=None), [(rules.CURSOR_ON_EMPTY_PAGE, END)]),
    (made([], start=None, end="c"), [(rules.CURSOR_ON_EMPTY_PAGE, END)]),
    (made([A, B], query=(("first", "1"),)), [(rules.TOO_MANY_ITEMS, "param:first")]),
    (made([A, B], query=(("last", "1"),)), [(rules.TOO_MANY_ITEMS, "param:first")]),
    (made([A, None], query=(("first", "1"),), start="c", end="c"), []),
    (made([A], query=(("first", "x"),)), []),
    (made([A], start=None), [(rules.START_CURSOR_MISSING, START)]),
    (made([A], end=None), [(rules.END_CURSOR_MISSING, END)]),
    (without("end_cursor", A), []),  # the schema check reports it
    (made([A], start=7, end=7), []),
    (
        made([A], end=None, has_next=True),
        [(rules.NEXT_PAGE_WITHOUT_CURSOR, END), (rules.END_CURSOR_MISSING, END)],
    ),
    (made([], has_next=True), [(rules.EMPTY_LIST_HAS_NEXT_PAGE, NEXT)]),
    (made([], Purpose.NEXT_PAGE, has_next=True), []),
    (made([A, B, A]), [(rules.ITEM_TWICE, "/data/*/id")]),
    (made([A], has_previous=True), [(rules.FIRST_PAGE_HAS_PREVIOUS, PREVIOUS)]),
    (made([A], Purpose.NEXT_PAGE, has_previous=True), []),
    (made([{"x": 1}, {"x": 1}], start="c", end="c"), []),  # items without an id may be equal
]


@pytest.mark.parametrize(("one", "expected"), PAGES)
def test_a_page_by_itself(one: ListPage, expected: list[Any]) -> None:
    assert list(page_violations(one)) == expected


def test_a_dead_end_is_found_whether_the_cursor_is_null_or_empty() -> None:
    body = page([A], has_next=True)
    body["page_info"]["end_cursor"] = ""

    assert (rules.NEXT_PAGE_WITHOUT_CURSOR, END) in [*page_violations(ListPage(exchange("plans.list", body)))]
    assert not list(page_violations(without("end_cursor", A)))


TRAVERSALS = [
    ([made([A]), made([B])], []),
    ([made([A]), made([B, A])], [(rules.ITEM_ON_TWO_PAGES, "/data/*/id")]),
    ([made([A, A]), made([B])], []),  # twice on one page is the page's
    ([made([A], end="c"), made([B], end="c")], [(rules.END_CURSOR_TWICE, END)]),
    ([made([A], end="c"), made([A], end="c")], [(rules.ITEM_ON_TWO_PAGES, "/data/*/id")]),
    ([made([A], end="c"), made([], end="c")], []),
    ([made([A], end=None), made([B], end=None)], []),
    ([made([A], has_next=True), made([])], [(rules.NEXT_PAGE_EMPTY, NEXT)]),
    ([made([A], has_next=False), made([])], []),
    ([made([A], has_next=True), made([B], has_next=True)], []),
]


@pytest.mark.parametrize(("pages", "expected"), TRAVERSALS)
def test_the_pages_of_a_traversal(pages: list[ListPage], expected: list[Any]) -> None:
    assert list(traversal_violations(pages)) == expected


FIRST, SECOND = made([A, B]), made([C], Purpose.NEXT_PAGE)
STEPS = [
    (made([A, B]), None),
    (made([{"id": "x"}, B]), (rules.SKIPPED_FORWARD, "param:after")),
    (made([B, C]), (rules.ITEMS_AFTER_CURSOR, "param:before")),
    (made([B, A]), (rules.STEP_BACK_DIFFERS, "param:before")),
    (made([B]), (rules.STEP_BACK_DIFFERS, "param:before")),
    (made([A, B], has_previous=True), (rules.FIRST_PAGE_BACKWARDS_HAS_PREVIOUS, PREVIOUS)),
]


@pytest.mark.parametrize(("back", "expected"), STEPS)
def test_a_step_back(back: ListPage, expected: Any) -> None:
    assert step_back_violation(FIRST, SECOND, back) == expected


def test_a_step_back_to_a_later_page_may_have_a_previous_one() -> None:
    second, third = made([A, B], Purpose.NEXT_PAGE), made([C], Purpose.NEXT_PAGE)

    assert step_back_violation(second, third, made([A, B], has_previous=True)) is None


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"


def test_every_rule_of_a_list_has_the_severity_of_the_reference() -> None:
    rows = [line.strip("| ").split(" | ") for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    shown = {cells[0].strip("`"): cells[2] for cells in rows}
    for rule in rules_in(rules):
        assert shown[rule.id] == ("" if rule.documented else "info, then ") + rule.severity, rule.id
