"""The requests to one list put in order: whole lists, walks under filters, steps back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract.list_behaviour import HIDDEN, Pairs, value_at
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expected_list import Listing, Rules
from whopwatch.oracle.page import Page, base_of, chosen

Base = tuple[object, ...]
PAGES = (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY)


@dataclass
class Walk:
    """Pages of one list in their order, each asked for by the end cursor of the one before.

    `numbers` are the places of their exchanges among all of the operation. `base` says which list it is, `asked`
    under which filters and order.
    """

    base: Base
    asked: Pairs
    pages: list[Page] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    _listing: Listing | None = field(default=None, repr=False, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of an unfiltered list, asked for as such, from its beginning to its end."""
        is_plain = not self.asked and self.pages[0].exchange.purpose is Purpose.LIST
        return is_plain and self.is_ended

    @property
    def is_ended(self) -> bool:
        """Whether it came to the end of its list, and every page could be read."""
        return all(page.usable for page in self.pages) and self.pages[-1].is_last

    @property
    def ids(self) -> list[str]:
        """What all its pages show, in their order."""
        return [id for page in self.pages for id in page.ids]

    @property
    def has_equals(self) -> bool:
        """Whether it shows items that nothing tells apart: they have no id."""
        return len(set(self.ids)) < len(self.ids) and not any(
            "id" in item for page in self.pages for item in page.items
        )

    def listing(self, rules: Rules) -> Listing | None:
        """The items of all its pages, made once: a walk that is whole gets no more of them. None where it is not."""
        if self._listing is None and self.is_whole:
            self._listing = Listing([item for page in self.pages for item in page.items], rules)
        return self._listing


@dataclass(frozen=True)
class StepBack:
    """A page before the beginning of the last page of `walk`."""

    walk: Walk
    page: Page
    number: int


class Observed:
    """Everything that was asked of one list, in its order."""

    def __init__(self, rules: Rules, exchanges: Sequence[Exchange] = ()) -> None:
        self.rules = rules
        self.walks: list[Walk] = []
        self.steps_back: list[StepBack] = []
        self.count = 0
        self.extend(exchanges)

    def extend(self, exchanges: Iterable[Exchange]) -> None:
        """Take in what was asked since."""
        for exchange in exchanges:
            if exchange.purpose in PAGES and exchange.status is not None:
                self._add(self.count, Page(exchange))
            self.count += 1

    def _add(self, number: int, page: Page) -> None:
        exchange = page.exchange
        base, asked = base_of(exchange, self.rules.optional), chosen(exchange, self.rules.optional)
        after, before = exchange.query_value("after"), exchange.query_value("before")
        if after is None and before is None and exchange.query_value("last") is None:
            self.walks.append(Walk(base, asked, [page], [number]))
        elif before is None and after is not None:
            for walk in reversed(self.walks):
                for place, earlier in enumerate(walk.pages):
                    if (walk.base, walk.asked) == (base, asked) and earlier.info("end_cursor") == after:
                        self._extend(walk, place + 1, page, number)
                        return
        elif after is None and before is not None:
            for walk in reversed(self.walks):
                for place, later in enumerate(walk.pages):
                    if (walk.base, walk.asked) == (base, asked) and later.info("start_cursor") == before:
                        known = Walk(base, asked, walk.pages[: place + 1], walk.numbers[: place + 1])
                        self.steps_back.append(StepBack(known, page, number))
                        return

    def _extend(self, walk: Walk, length: int, page: Page, number: int) -> None:
        is_aside = page.exchange.purpose is Purpose.QUERY and walk.pages[0].exchange.purpose is not Purpose.QUERY
        if length < len(walk.pages) or is_aside:
            walk = Walk(walk.base, walk.asked, walk.pages[:length], walk.numbers[:length])
            self.walks.append(walk)
        walk.pages.append(page)
        walk.numbers.append(number)

    @property
    def whole(self) -> Sequence[tuple[Walk, Listing]]:
        """The walks that show a whole list whose items can be told apart, and what they show."""
        return [(walk, listing) for walk in self.walks if (listing := self._whole(walk))]

    def before(self, base: Base, number: int) -> Listing | None:
        """The list of `base` as it was last seen whole before the exchange `number`."""
        earlier = (walk for walk in reversed(self.walks) if walk.base == base and walk.numbers[-1] < number)
        return next(filter(None, map(self._whole, earlier)), None)

    def after(self, base: Base, number: int) -> Listing | None:
        """The list of `base` as it was next seen whole after the exchange `number`."""
        later = (walk for walk in self.walks if walk.base == base and walk.numbers[0] > number)
        return next(filter(None, map(self._whole, later)), None)

    def _whole(self, walk: Walk) -> Listing | None:
        """What a walk shows, where that is a whole list whose items can be told apart."""
        listing = walk.listing(self.rules)
        return listing if listing and len(listing.by_id) == len(listing.items) else None

    def quiet(self, base: Base, first: int, last: int) -> Listing | None:
        """The list of `base`, if it was seen before `first` and after `last` and had not changed in between."""
        after = self.after(base, last)
        before = self.before(base, first) if after else None
        if before is None or after is None:
            return None
        is_same = before.items == after.items or signature(before) == signature(after)
        return before if is_same else None


def signature(listing: Listing) -> list[tuple[Any, ...]]:
    """What a list's answers depend on: its items in their order, and the fields that filters and orders look at."""
    paths = [*(path for filter in listing.rules.filters.values() for path in filter.paths), *_sorted_by(listing.rules)]
    return [(id, *map(repr, _values(item, paths))) for id, item in listing.by_id.items()]


def _sorted_by(rules: Rules) -> Iterator[tuple[str, ...]]:
    parameter = rules.operation.parameter(rules.declared.order["parameter"])
    for name in parameter.schema.get("enum", ()) if parameter else ():
        yield rules.declared.order_path(name)


def _values(item: Any, paths: list[tuple[str, ...]]) -> Iterator[Any]:
    for path in paths:
        value = value_at(item, path)
        yield None if value is HIDDEN else value
