"""The requests to one list as traversals: whole lists, pages under filters and order, steps backwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract.behaviour import NOT_SHOWN, Pairs, value_at
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.oracle.page import ListPage, filters_and_order, list_key

ListKey = tuple[object, ...]
"""Which list is meant; see `list_key`."""
PAGE_PURPOSES = (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY)
"""The purposes of valid requests for a page."""


@dataclass
class Traversal:
    """Pages of one list in their order, each requested with the end cursor of the page before it.

    `indexes` are the positions of the pages' exchanges among all of the operation. `selection` are the filters and the
    order that are requested.
    """

    list_key: ListKey
    selection: Pairs
    pages: list[ListPage] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    _whole: WholeList | None = field(default=None, repr=False, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether these are all pages of the list, requested without filters and order."""
        is_plain = not self.selection and self.pages[0].exchange.purpose is Purpose.LIST
        return is_plain and self.is_complete

    @property
    def is_complete(self) -> bool:
        """Whether every page is usable and the last one says that no page follows."""
        return all(page.usable for page in self.pages) and self.pages[-1].is_last

    @property
    def ids(self) -> list[str]:
        """The identities of all items, in their order."""
        return [id for page in self.pages for id in page.ids]

    @property
    def has_equal_items(self) -> bool:
        """Whether it shows items that nothing distinguishes: they have no id."""
        return len(set(self.ids)) < len(self.ids) and not any(
            "id" in item for page in self.pages for item in page.items
        )

    def whole(self, parameters: ListParameters) -> WholeList | None:
        """Return the list that all pages together show, None if they are not a whole list."""
        # Made once: a traversal that is whole gets no more pages.
        if self._whole is None and self.is_whole:
            self._whole = WholeList([item for page in self.pages for item in page.items], parameters)
        return self._whole


@dataclass(frozen=True)
class StepBack:
    """A page that was requested backwards from the start of the last page of `traversal`."""

    traversal: Traversal
    page: ListPage
    index: int


class ListHistory:
    """Everything that was requested of one list, in order."""

    def __init__(self, parameters: ListParameters, exchanges: Sequence[Exchange] = ()) -> None:
        self.parameters = parameters
        self.traversals: list[Traversal] = []
        self.steps_back: list[StepBack] = []
        self.count = 0
        self.extend(exchanges)

    def extend(self, exchanges: Iterable[Exchange]) -> None:
        """Add later exchanges of the same operation."""
        for exchange in exchanges:
            if exchange.purpose in PAGE_PURPOSES and exchange.status is not None:
                self._add(self.count, ListPage(exchange))
            self.count += 1

    def _add(self, index: int, page: ListPage) -> None:
        exchange = page.exchange
        key = list_key(exchange, self.parameters.optional)
        selection = filters_and_order(exchange, self.parameters.optional)
        after, before = exchange.query_value("after"), exchange.query_value("before")
        if after is None and before is None and exchange.query_value("last") is None:
            self.traversals.append(Traversal(key, selection, [page], [index]))
        elif before is None and after is not None:
            origin = self._find("end_cursor", after, key, selection)
            if origin:
                self._continue(*origin, page, index)
        elif after is None and before is not None:
            origin = self._find("start_cursor", before, key, selection)
            if origin:
                traversal, length = origin
                known = Traversal(key, selection, traversal.pages[:length], traversal.indexes[:length])
                self.steps_back.append(StepBack(known, page, index))

    def _find(self, name: str, cursor: str, key: ListKey, selection: Pairs) -> tuple[Traversal, int] | None:
        """Return the latest traversal with a page that gave `cursor`, and how many pages there are up to that one."""
        for traversal in reversed(self.traversals):
            if (traversal.list_key, traversal.selection) == (key, selection):
                for position, page in enumerate(traversal.pages):
                    if page.info(name) == cursor:
                        return traversal, position + 1
        return None

    def _continue(self, traversal: Traversal, length: int, page: ListPage, index: int) -> None:
        """Add `page` after the first `length` pages of a traversal: to it, or to a copy if it goes on elsewhere."""
        is_experiment = page.exchange.purpose is Purpose.QUERY
        is_aside = is_experiment and traversal.pages[0].exchange.purpose is not Purpose.QUERY
        if length < len(traversal.pages) or is_aside:
            key, selection = traversal.list_key, traversal.selection
            traversal = Traversal(key, selection, traversal.pages[:length], traversal.indexes[:length])
            self.traversals.append(traversal)
        traversal.pages.append(page)
        traversal.indexes.append(index)

    @property
    def whole_lists(self) -> Sequence[tuple[Traversal, WholeList]]:
        """The traversals that show a whole list whose items are distinguishable, each with that list."""
        return [(traversal, whole) for traversal in self.traversals if (whole := self._whole(traversal))]

    def whole_before(self, key: ListKey, index: int) -> WholeList | None:
        """Return the list as it was last seen whole before the exchange at `index`."""
        earlier = (
            traversal
            for traversal in reversed(self.traversals)
            if traversal.list_key == key and traversal.indexes[-1] < index
        )
        return next(filter(None, map(self._whole, earlier)), None)

    def whole_after(self, key: ListKey, index: int) -> WholeList | None:
        """Return the list as it was next seen whole after the exchange at `index`."""
        later = (
            traversal for traversal in self.traversals if traversal.list_key == key and traversal.indexes[0] > index
        )
        return next(filter(None, map(self._whole, later)), None)

    def _whole(self, traversal: Traversal) -> WholeList | None:
        """Return the whole list that a traversal shows, None if its items are not distinguishable."""
        whole = traversal.whole(self.parameters)
        return whole if whole and len(whole.by_id) == len(whole.items) else None

    def unchanged_between(self, key: ListKey, first: int, last: int) -> WholeList | None:
        """Return the list if it was seen whole before `first` and after `last` and is the same both times."""
        after = self.whole_after(key, last)
        before = self.whole_before(key, first) if after else None
        if before is None or after is None:
            return None
        is_same = before.items == after.items or signature(before) == signature(after)
        return before if is_same else None


def signature(whole: WholeList) -> list[tuple[Any, ...]]:
    """Return what a list's responses depend on: its items in order, with the fields that filters and orders read."""
    filters = whole.parameters.filters.values()
    paths = [*(path for filter in filters for path in filter.paths), *_sort_paths(whole.parameters)]
    return [(id, *map(repr, _values(item, paths))) for id, item in whole.by_id.items()]


def _sort_paths(parameters: ListParameters) -> Iterator[tuple[str, ...]]:
    return map(parameters.declared.order_path, parameters.orders)


def _values(item: Any, paths: list[tuple[str, ...]]) -> Iterator[Any]:
    for path in paths:
        value = value_at(item, path)
        yield None if value is NOT_SHOWN else value
