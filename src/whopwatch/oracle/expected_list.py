"""A whole list, and what follows from it for every other request to the same list.

Under any filter and order a list is a part of the whole list, in another order. So one walk without filters predicts
the answer to every other request; what an item does not show stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import HIDDEN, Behaviour, Filter, Pairs, behaviour, moment, value_at
from whopwatch.oracle.page import identity

Rank = int
LONGEST_VALUE = 100
"""Characters of a value that is sent back in a query."""
TELLING = 3
"""Different moments that tell in which order items are."""


class Candidate(NamedTuple):
    """An item that a request may show: surely where `certain`. Of two the lower `rank` comes first; None is open."""

    id: str
    certain: bool
    rank: Rank | None


class Rules:
    """What the contract and the declared behaviour say of the parameters of one list."""

    def __init__(self, contract: Contract, operation: Operation) -> None:
        self.operation = operation
        self.declared: Behaviour = behaviour()
        self.filters: Mapping[str, Filter] = {
            filter.name: filter for filter in self.declared.filters_of(contract, operation)
        }
        sort = {self.declared.order["parameter"], self.declared.order["direction"]}
        self.sorts = frozenset(parameter.name for parameter in operation.in_("query") if parameter.name in sort)
        self.optional = self.sorts | frozenset(
            parameter.name for parameter in operation.in_("query") if not parameter.required
        ) - {"first", "last", "after", "before"}


class Listing:
    """The items of a whole list in its default order, and the Rules of its parameters.

    `kept` are the beginnings of walks (what was asked, and pages) that were as the list lets expect: walks are looked
    at each time they have grown.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], rules: Rules) -> None:
        self.items = items
        self.rules = rules
        self.kept: set[tuple[object, ...]] = set()
        self._found: dict[str, list[Any]] = {}
        self._sendable: dict[str, list[str | int | float]] = {}
        self._passing: dict[tuple[str, tuple[str, ...]], list[bool | None]] = {}
        self._expected: dict[Pairs, Mapping[str, Candidate]] = {}

    @cached_property
    def by_id(self) -> Mapping[str, Mapping[str, Any]]:
        """The items by what tells them apart."""
        return {identity(item): item for item in self.items}

    def expect(self, asked: Pairs) -> Mapping[str, Candidate]:
        """The items that a request with these filters and this order may show, by id and in their order."""
        if asked not in self._expected:
            self._expected[asked] = {candidate.id: candidate for candidate in self._candidates(grouped(asked))}
        return self._expected[asked]

    def _candidates(self, wanted: Mapping[str, tuple[str, ...]]) -> list[Candidate]:
        ranks = self._ranks(wanted)
        columns = [self.passing(name, values) for name, values in wanted.items() if name not in self.rules.sorts]
        passes = zip(*columns, strict=True) if columns else repeat((True,))
        found = [
            Candidate(id, None not in passed, rank)
            for id, rank, passed in zip(self.by_id, ranks or repeat(None), passes, strict=False)
            if False not in passed
        ]
        return sorted(found, key=attrgetter("rank")) if ranks else found

    def shown(self, filter: Filter) -> list[Any]:
        """What each item shows at the field of a filter: a list of values, or HIDDEN."""
        if filter.name not in self._found:
            self._found[filter.name] = [filter.found(item) for item in self.by_id.values()]
        return self._found[filter.name]

    def sendable(self, filter: Filter) -> list[str | int | float]:
        """What the items show at the field of a filter, as far as it can be sent back in a query."""
        if filter.name not in self._sendable:
            values = [value for found in self.shown(filter) if found is not HIDDEN for value in found]
            plain = [value for value in values if isinstance(value, (str, int, float))]
            self._sendable[filter.name] = [value for value in plain if 0 < len(str(value)) <= LONGEST_VALUE]
        return self._sendable[filter.name]

    def passing(self, name: str, values: tuple[str, ...]) -> list[bool | None]:
        """Whether one parameter lets each item through; None where that cannot be told."""
        if (name, values) not in self._passing:
            filter = self.rules.filters.get(name)
            self._passing[name, values] = (
                filter.passing(self.shown(filter), values) if filter else [None] * len(self.by_id)
            )
        return self._passing[name, values]

    def excludes(self, name: str, values: tuple[str, ...], id: str) -> bool:
        """Whether one parameter surely leaves an item out."""
        return self.passing(name, values)[self._places[id]] is False

    @cached_property
    def turn(self) -> str | None:
        """The direction of the list as the moments of its items show it, `asc` or `desc`; None where they do not."""
        moments = self._moments(self.items)
        if len(set(moments)) < TELLING:
            return None
        ascending = sorted(moments)
        return "asc" if moments == ascending else "desc" if moments == ascending[::-1] else None

    def is_turned(self, direction: str) -> bool:
        """Whether it stands in the other direction than `direction`. Mostly its two ends tell that it does not."""
        ends = self._moments([*self.items[:1], *self.items[-1:]])
        if len(set(ends)) > 1 and ends == sorted(ends, reverse=direction == "desc"):
            return False
        return self.turn not in (None, direction)

    def _moments(self, items: Sequence[Mapping[str, Any]]) -> list[float]:
        """The moments by which `items` stand in the default order; none where one of them shows none."""
        path = self.rules.declared.order_path(self.rules.declared.order["default"])
        keys = [sort_key(value_at(item, path)) for item in items]
        moments = [key[1] for key in keys if key and len(key) > 1 and isinstance(key[1], float)]
        return moments if len(moments) == len(keys) else []

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {id: place for place, id in enumerate(self.by_id)}

    def _ranks(self, wanted: Mapping[str, tuple[str, ...]]) -> list[Rank] | None:
        order = self.rules.declared.order
        name = wanted.get(order["parameter"], (order["default"],))[-1]
        direction = wanted.get(order["direction"], (None,))[-1]
        if name == order["default"]:
            count = len(self.by_id)
            usual = (self.turn or order["default_direction"]) if direction else None
            return list(range(count) if direction == usual else range(count, 0, -1))
        descending = (direction or order["default_direction"]) == "desc"
        keys = [sort_key(value_at(item, self.rules.declared.order_path(name))) for item in self.by_id.values()]
        if any(key is None for key in keys) or len({type(key[1]) for key in keys if key and len(key) > 1}) > 1:
            return None
        order_of = {key: place for place, key in enumerate(sorted({key for key in keys if key}, reverse=descending))}
        return [order_of[key] for key in keys if key]


def grouped(pairs: Pairs) -> dict[str, tuple[str, ...]]:
    """All values of each parameter."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return values


def sort_key(value: Any) -> tuple[Any, ...] | None:
    """What a value sorts by: nothing is lowest. None where the item does not show it or it has no order."""
    if value is HIDDEN or isinstance(value, (list, dict)):
        return None
    if value is None:
        return (0,)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        try:
            return (1, moment(value)) if value[:4].isdecimal() else (1, value)
        except ValueError:
            return (1, value)
    return (1, float(value))
