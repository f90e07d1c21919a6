"""Judge a page, a traversal and a step back by themselves: what holds whatever is in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from whopwatch.core.exchange import Purpose
from whopwatch.core.rule import Rule
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.page import ListPage


class ListViolation(NamedTuple):
    """A rule of a list that a response violates, and the location."""

    rule: Rule
    location: str


def _item_count(page: ListPage) -> int:
    """Return the number of items without null, which the schema check reports."""
    return len(page.rows) - page.rows.count(None)


def is_empty(page: ListPage) -> bool:
    """Return whether a page has no items."""
    return page.has_data and not page.rows


def _has_cursor_on_nothing(page: ListPage) -> bool:
    cursors = (page.page_info.get("start_cursor"), page.page_info.get("end_cursor"))
    return is_empty(page) and cursors != (None, None)


def _has_too_many(page: ListPage) -> bool:
    size = page.size() or page.size("last")
    return size is not None and _item_count(page) > size


def _lacks(name: str) -> Callable[[ListPage], bool]:
    """Return whether a page has items but cursor `name` is null or empty; the schema check reports other types."""
    return lambda page: _item_count(page) > 0 and page.page_info.get(name, "") in (None, "") and name in page.page_info


def _is_dead_end(page: ListPage) -> bool:
    # An empty page has no item that a cursor could belong to: there, has_next_page is wrong.
    has_next = page.page_info.get("has_next_page") is True
    return has_next and _item_count(page) > 0 and page.page_info.get("end_cursor", 0) in (None, "")


def _is_empty_with_next(page: ListPage) -> bool:
    # Only for a whole list that is empty: an empty second page is reported at the page before it.
    is_first = page.exchange.purpose is Purpose.LIST
    return is_first and is_empty(page) and page.page_info.get("has_next_page") is True


def _has_item_twice(page: ListPage) -> bool:
    ids = page.own_ids
    return len(set(ids)) < len(ids)


def _is_first_with_previous(page: ListPage) -> bool:
    return page.exchange.purpose is Purpose.LIST and page.page_info.get("has_previous_page") is True


_PAGE_RULES: Sequence[tuple[Rule, str, Callable[[ListPage], bool]]] = (
    (rules.CURSOR_ON_EMPTY_PAGE, "/page_info/end_cursor", _has_cursor_on_nothing),
    (rules.TOO_MANY_ITEMS, "param:first", _has_too_many),
    (rules.START_CURSOR_MISSING, "/page_info/start_cursor", _lacks("start_cursor")),
    (rules.NEXT_PAGE_WITHOUT_CURSOR, "/page_info/end_cursor", _is_dead_end),
    (rules.END_CURSOR_MISSING, "/page_info/end_cursor", _lacks("end_cursor")),
    (rules.EMPTY_LIST_HAS_NEXT_PAGE, "/page_info/has_next_page", _is_empty_with_next),
    (rules.ITEM_TWICE, "/data/*/id", _has_item_twice),
    (rules.FIRST_PAGE_HAS_PREVIOUS, "/page_info/has_previous_page", _is_first_with_previous),
)
"""Each rule of a page, the location, and whether a page breaks it."""


def page_violations(page: ListPage) -> Iterator[ListViolation]:
    """Yield the violations of one page by itself."""
    return (ListViolation(rule, location) for rule, location, is_broken in _PAGE_RULES if is_broken(page))


def traversal_violations(pages: Sequence[ListPage]) -> Iterator[ListViolation]:
    """Yield the violations of the pages of one traversal together: an item or a cursor twice, an empty last page."""
    cursors = [cursor for page in pages if page.rows and (cursor := page.cursor("end_cursor"))]
    ids = [id for page in pages for id in set(page.own_ids)]
    if len(set(ids)) < len(ids):
        yield ListViolation(rules.ITEM_ON_TWO_PAGES, "/data/*/id")
    elif len(set(cursors)) < len(cursors):
        # Only without such an item: a page that ends with an item of another page rightly has its cursor.
        yield ListViolation(rules.END_CURSOR_TWICE, "/page_info/end_cursor")
    if any(not page.rows and before.page_info.get("has_next_page") is True for before, page in pairwise(pages)):
        yield ListViolation(rules.NEXT_PAGE_EMPTY, "/page_info/has_next_page")


def step_back_violation(previous: ListPage, origin: ListPage, back: ListPage) -> ListViolation | None:
    """Return the violation of `back`, which was requested from the start of `origin` and must be `previous` again."""
    shown = set(back.own_ids)
    if not shown <= {*previous.own_ids, *origin.own_ids}:
        return ListViolation(rules.SKIPPED_FORWARD, "param:after")
    if shown & set(origin.own_ids):
        return ListViolation(rules.ITEMS_AFTER_CURSOR, "param:before")
    if back.own_ids != previous.own_ids[-len(back.own_ids) :] or len(back.rows) < len(previous.rows):
        return ListViolation(rules.STEP_BACK_DIFFERS, "param:before")
    if previous.exchange.purpose is Purpose.LIST and back.page_info.get("has_previous_page") is True:
        return ListViolation(rules.FIRST_PAGE_BACKWARDS_HAS_PREVIOUS, "/page_info/has_previous_page")
    return None
