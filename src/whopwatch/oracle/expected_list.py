"""What every request to a list must show, derived from the whole list.

Under any filter and order a list shows a part of the whole list, in another order. So one traversal without filters
predicts the response to every other request. What an item does not show stays undecided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import NOT_SHOWN, Behaviour, Filter, Pairs, epoch_seconds, value_at
from whopwatch.oracle.page import identity

Rank = int
NULL_KEY = (0,)
"""The sort key of null: lower than that of any value."""
MAX_VALUE_LENGTH = 100
"""Characters of a value that is sent back in a query."""
MIN_MOMENTS = 3
"""Different timestamps from which a direction is concluded: two may be in order by chance."""


class ExpectedItem(NamedTuple):
    """An item that a response may show; it must if `certain`. Lower `rank` comes first; None if the order is open."""

    id: str
    certain: bool
    rank: Rank | None


class ListParameters:
    """The query parameters of one list, as the contract and the declared behaviour describe them.

    `filters` are by name, `sorts` the names of the order and direction parameters, `orders` the documented values of
    the order, `optional` the names of both and of
    every other optional parameter but those of paging.
    """

    def __init__(self, contract: Contract, operation: Operation) -> None:
        self.operation = operation
        self.declared: Behaviour = contract.behaviour
        self.paging = contract.paging(operation)
        self.filters: Mapping[str, Filter] = {filter.name: filter for filter in contract.filters_of(operation)}
        sort = {self.declared.order["parameter"], self.declared.order["direction"]}
        self.sorts = frozenset(parameter.name for parameter in operation.in_("query") if parameter.name in sort)
        order = operation.parameter(self.declared.order["parameter"])
        self.orders = contract.documented_values(operation, order) if order else ()
        self.optional = self.sorts | frozenset(
            parameter.name for parameter in operation.in_("query") if not parameter.required
        ) - {"first", "last", "after", "before"}


class WholeList:
    """All items of a list in its default order, and what follows from them for any filters and order.

    `verified` holds prefixes of traversals (the selection, then pages) that were as expected: a traversal is compared
    again each time it has grown, and its beginning only once.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], parameters: ListParameters) -> None:
        self.items = items
        self.parameters = parameters
        self.verified: set[tuple[object, ...]] = set()
        self._field_values: dict[str, list[Any]] = {}
        self._sendable: dict[str, list[str | int | float]] = {}
        self._passing: dict[tuple[str, tuple[str, ...]], list[bool | None]] = {}
        self._expected: dict[tuple[Pairs, bool], Mapping[str, ExpectedItem]] = {}

    @cached_property
    def by_id(self) -> Mapping[str, Mapping[str, Any]]:
        """The items by their identity."""
        return {identity(item): item for item in self.items}

    def expect(self, selection: Pairs, *, nulls_highest: bool = False) -> Mapping[str, ExpectedItem]:
        """Return the items that a request with these filters and this order may show, by id, in their order.

        No source states where items without a value are: beside the lowest, or with `nulls_highest` the highest.
        """
        key = selection, nulls_highest
        if key not in self._expected:
            items = self._expected_items(values_by_parameter(selection), nulls_highest=nulls_highest)
            self._expected[key] = {item.id: item for item in items}
        return self._expected[key]

    def has_mixed_nulls(self, selection: Pairs) -> bool:
        """Return whether some items, and not all, lack the value that `selection` sorts by."""
        keys = self._sort_keys(values_by_parameter(selection))
        return keys is not None and NULL_KEY in keys and any(key != NULL_KEY for key in keys)

    def _expected_items(self, wanted: Mapping[str, tuple[str, ...]], *, nulls_highest: bool) -> list[ExpectedItem]:
        ranks = self._ranks(wanted, nulls_highest=nulls_highest)
        columns = [self.passing(name, values) for name, values in wanted.items() if name not in self.parameters.sorts]
        passes = zip(*columns, strict=True) if columns else repeat((True,))
        found = [
            ExpectedItem(id, None not in passed, rank)
            for id, rank, passed in zip(self.by_id, ranks or repeat(None), passes, strict=False)
            if False not in passed
        ]
        return sorted(found, key=attrgetter("rank")) if ranks else found

    def field_values(self, filter: Filter) -> list[Any]:
        """Return what each item shows at the field of a filter: a list of values, or NOT_SHOWN."""
        if filter.name not in self._field_values:
            self._field_values[filter.name] = [filter.found(item) for item in self.by_id.values()]
        return self._field_values[filter.name]

    def sendable(self, filter: Filter) -> list[str | int | float]:
        """Return the values at the field of a filter that can be sent back in a query."""
        if filter.name not in self._sendable:
            values = [value for found in self.field_values(filter) if found is not NOT_SHOWN for value in found]
            plain = [value for value in values if isinstance(value, (str, int, float))]
            self._sendable[filter.name] = [value for value in plain if 0 < len(str(value)) <= MAX_VALUE_LENGTH]
        return self._sendable[filter.name]

    def passing(self, name: str, values: tuple[str, ...]) -> list[bool | None]:
        """Return for each item whether one parameter selects it; None if the item does not show that."""
        if (name, values) not in self._passing:
            filter = self.parameters.filters.get(name)
            self._passing[name, values] = (
                filter.passing(self.field_values(filter), values) if filter else [None] * len(self.by_id)
            )
        return self._passing[name, values]

    def excludes(self, name: str, values: tuple[str, ...], id: str) -> bool:
        """Return whether one parameter certainly excludes the item `id`."""
        return self.passing(name, values)[self._positions[id]] is False

    @cached_property
    def direction(self) -> str | None:
        """The direction of the list by the timestamps of its items, `asc` or `desc`; None if they show none."""
        moments = self._moments(self.items)
        if len(set(moments)) < MIN_MOMENTS:
            return None
        ascending = sorted(moments)
        return "asc" if moments == ascending else "desc" if moments == ascending[::-1] else None

    def is_reversed(self, direction: str) -> bool:
        """Return whether the list has the opposite of `direction`."""
        # The two ends show for nearly every list that it is not reversed: cheaper than sorting all of it.
        ends = self._moments([*self.items[:1], *self.items[-1:]])
        if len(set(ends)) > 1 and ends == sorted(ends, reverse=direction == "desc"):
            return False
        return self.direction not in (None, direction)

    def _moments(self, items: Sequence[Mapping[str, Any]]) -> list[float]:
        """Return the timestamps that the default order sorts by; empty if one of `items` shows none."""
        path = self.parameters.declared.order_path(self.parameters.declared.order["default"])
        keys = [sort_key(value_at(item, path)) for item in items]
        moments = [key[1] for key in keys if key and len(key) > 1 and isinstance(key[1], float)]
        return moments if len(moments) == len(keys) else []

    @cached_property
    def _positions(self) -> Mapping[str, int]:
        return {id: position for position, id in enumerate(self.by_id)}

    def _sort_keys(self, wanted: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, ...]] | None:
        """Return what each item sorts by under the requested order; None if an item does not show it."""
        order = self.parameters.declared.order
        name = wanted.get(order["parameter"], (order["default"],))[-1]
        keys = [sort_key(value_at(item, self.parameters.declared.order_path(name))) for item in self.by_id.values()]
        if any(key is None for key in keys) or len({type(key[1]) for key in keys if key and len(key) > 1}) > 1:
            return None
        return [key for key in keys if key]

    def _ranks(self, wanted: Mapping[str, tuple[str, ...]], *, nulls_highest: bool) -> list[Rank] | None:
        """Return the rank of each item under the requested order; None if an item does not show what is sorted by."""
        order = self.parameters.declared.order
        name = wanted.get(order["parameter"], (order["default"],))[-1]
        direction = wanted.get(order["direction"], (None,))[-1]
        if name == order["default"]:
            count = len(self.by_id)
            usual = (self.direction or order["default_direction"]) if direction else None
            return list(range(count) if direction == usual else range(count, 0, -1))
        descending = (direction or order["default_direction"]) == "desc"
        keys = self._sort_keys(wanted)
        if keys is None:
            return None
        if nulls_highest:
            keys = [(2,) if key == NULL_KEY else key for key in keys]
        order_of = {key: rank for rank, key in enumerate(sorted(set(keys), reverse=descending))}
        return [order_of[key] for key in keys]


def values_by_parameter(pairs: Pairs) -> dict[str, tuple[str, ...]]:
    """Return all values of each parameter in `pairs`."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name] = (*values.get(name, ()), value)
    return values


def sort_key(value: Any) -> tuple[Any, ...] | None:
    """Return what `value` sorts by, null lowest; None if the item does not show it or the type has no order."""
    if value is NOT_SHOWN or isinstance(value, (list, dict)):
        return None
    if value is None:
        return NULL_KEY
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        try:
            return (1, epoch_seconds(value)) if value[:4].isdecimal() else (1, value)
        except ValueError:
            return (1, value)
    try:
        return (1, float(value))
    except OverflowError:  # an integer of more than 308 digits
        return None
