"""One page of a list: its items, its cursors, and which list it belongs to.

Also the violations of a page, a traversal and a step back by themselves: rules that hold whatever is in the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise, repeat
from typing import Any, NamedTuple

from whopwatch.contract.behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule
from whopwatch.oracle import list_rules as rules


class ListPage:
    """The page in the response of `exchange`.

    `usable` is true if the response is a complete page: an object with `page_info` and an array `data` of objects.
    `items` are its items, empty for a page that is not usable. `rows` and `page_info` are what the body has for them,
    usable or not, empty if it is not an array or an object; `has_data` is whether `data` is an array.
    """

    def __init__(self, exchange: Exchange) -> None:
        value: Any = exchange.json if exchange.ok else None
        body = value if isinstance(value, dict) else {}
        data, info = body.get("data"), body.get("page_info")
        self.exchange = exchange
        self.has_data = isinstance(data, list)
        self.rows: list[Any] = data if isinstance(data, list) else []
        self.page_info: Mapping[str, Any] = info if isinstance(info, dict) else {}
        self.usable = self.has_data and isinstance(info, dict) and set(map(type, self.rows)) <= {dict}
        self.items: Sequence[Mapping[str, Any]] = self.rows if self.usable else ()

    @cached_property
    def ids(self) -> list[str]:
        """The identities of the items (see `identity`), in page order."""
        return [identity(item) for item in self.items]

    @cached_property
    def own_ids(self) -> list[str]:
        """The ids of the rows that have one, in page order."""
        ids: list[Any] = list(map(dict.get, self.rows, repeat("id"))) if self.usable else []
        if set(map(type, ids)) == {str}:
            return ids
        return [id for row in self.rows if isinstance(row, dict) and isinstance(id := row.get("id"), str)]

    def info(self, name: str) -> Any:
        """Return the value of a key of `page_info`, None if it is absent or the page is not usable."""
        return self.page_info.get(name) if self.usable else None

    def cursor(self, name: str) -> str | None:
        """Return cursor `name`, None if it is not a string that can be sent back."""
        value = self.page_info.get(name)
        return value if isinstance(value, str) and value else None

    def size(self, name: str = "first") -> int | None:
        """Return the page size that the request asks for with parameter `name`, None if it has none."""
        text = self.exchange.query_value(name)
        return int(text) if text and text.isdecimal() and len(text) < 10 else None

    @property
    def is_last(self) -> bool:
        """Whether the page says that no page follows."""
        return self.info("has_next_page") is False


def identity(item: Mapping[str, Any]) -> str:
    """Return the id of `item`, or all of it as JSON if it has no id that is a string."""
    id = item.get("id")
    return id if isinstance(id, str) else json.dumps(item, sort_keys=True)


def list_key(exchange: Exchange, optional: frozenset[str]) -> tuple[object, ...]:
    """Return which list is requested, without paging and without filters and order (the `optional` parameters)."""
    rest = tuple(sorted(pair for pair in exchange.query if pair[0] not in PAGING and pair[0] not in optional))
    return exchange.operation, tuple(sorted(exchange.path_params.items())), rest


def filters_and_order(exchange: Exchange, optional: frozenset[str]) -> Pairs:
    """Return the filters and the order that are requested: the pairs of `optional` parameters."""
    return tuple(pair for pair in exchange.query if pair[0] in optional)


class ListViolation(NamedTuple):
    """A rule of a list that a response violates, and the location."""

    rule: Rule
    location: str


def _item_count(page: ListPage) -> int:
    """Return the number of items without null, which the schema check reports."""
    return len(page.rows) if page.usable else len(page.rows) - page.rows.count(None)


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
