"""A whole list, and what follows from it for every other request to the same list.

Under any filter and order a list is a part of the whole list, in another order. So one walk without filters predicts
the answer to every other request; what an item does not show stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.plan.behaviour import HIDDEN, Behaviour, Filter, Pairs, behaviour, moment, value_at
from whopwatch.plan.page import identity

Rank = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
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
    """The items of a whole list in its default order, and the Rules of its parameters."""

    def __init__(self, items: Sequence[Mapping[str, Any]], rules: Rules) -> None:
        self.items = items
        self.rules = rules
        self._passing: dict[tuple[str, int, tuple[str, ...]], bool | None] = {}

    @cached_property
    def by_id(self) -> Mapping[str, Mapping[str, Any]]:
        """The items by what tells them apart."""
        return {identity(item): item for item in self.items}

    def expect(self, asked: Pairs) -> tuple[Candidate, ...]:
        """The items that a request with these filters and this order may show, in their order."""
        wanted = grouped(asked)
        ranks = self._ranks(wanted)
        found = []
        for place, (id, item) in enumerate(self.by_id.items()):
            passes = [
                self.passes(name, item, values) for name, values in wanted.items() if name not in self.rules.sorts
            ]
            if False not in passes:
                found.append(Candidate(id, None not in passes, ranks[place] if ranks else None))
        return tuple(sorted(found, key=lambda one: one.rank or ()) if ranks else found)

    def passes(self, name: str, item: Mapping[str, Any], values: tuple[str, ...]) -> bool | None:
        """Whether one parameter lets an item through; None where that cannot be told."""
        asked = (name, id(item), values)  # the items live as long as the listing does
        if asked not in self._passing:
            filter = self.rules.filters.get(name)
            self._passing[asked] = filter.holds(item, values) if filter else None
        return self._passing[asked]

    def _ranks(self, wanted: Mapping[str, tuple[str, ...]]) -> list[Rank] | None:
        order = self.rules.declared.order
        name = wanted.get(order["parameter"], (order["default"],))[-1]
        descending = wanted.get(order["direction"], (order["default_direction"],))[-1] == "desc"
        if name == order["default"]:
            count = len(self.by_id)
            return [(place,) if descending else (count - place,) for place in range(count)]
        keys = [sort_key(value_at(item, self.rules.declared.order_path(name))) for item in self.by_id.values()]
        if any(key is None for key in keys) or len({type(key[1]) for key in keys if key and len(key) > 1}) > 1:
            return None
        order_of = {key: place for place, key in enumerate(sorted({key for key in keys if key}, reverse=descending))}
        return [(order_of[key],) for key in keys if key]


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
