"""Select and sort the objects of a list by its parameters, and paginate them with cursors in both directions.

A cursor is opaque and URL-safe. It holds a position in the sort order, not an item, so it stays valid when its item is
deleted. It is bound to the operation, the filters and the order: any other request with it is rejected.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.simulator.api.errors import ApiError, not_found, parameter_invalid
from whopwatch.simulator.declarations import account_fields, singular_of
from whopwatch.simulator.world.filters import ListFilter
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, to_milliseconds

UNDOCUMENTED_SIZES = (10, 100)
"""The default and the maximum size of pages of a list that documents none."""

SortKey = tuple[Any, ...]
"""The position of an item in the sort order. It ends with the item's number, so no two are equal."""


@dataclass(frozen=True)
class ListOrder:
    """The sort keys of a list's items in the order of the response: ascending, or `descending`."""

    keys: Sequence[SortKey]
    descending: bool

    def index_of(self, key: SortKey) -> int:
        """Return the number of items before this key."""
        if self.descending:
            return len(self.keys) - bisect_right(self.keys[::-1], key)
        return bisect_left(self.keys, key)

    def index_after(self, key: SortKey) -> int:
        """Return the number of items up to and including this key."""
        if self.descending:
            return len(self.keys) - bisect_left(self.keys[::-1], key)
        return bisect_right(self.keys, key)


@dataclass(frozen=True)
class PageSlice:
    """The slice `start:stop` of a list, and its `page_info`."""

    start: int
    stop: int
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Cursors:
    """Encodes and decodes the cursors of one list with one set of filters and one order."""

    binding: str

    def encode(self, key: SortKey) -> str:
        """Return the cursor of an item."""
        payload = json.dumps(key, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str, param: str) -> SortKey:
        """Return the sort key in a cursor. Raise ApiError 400 for a cursor that is not from this list."""
        try:
            raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise parameter_invalid(param, "a cursor of this list") from None
        if not raw[8:] or raw[:8] != self._sign(raw[8:]):
            raise parameter_invalid(param, "a cursor of this list")
        return tuple(json.loads(raw[8:]))

    def _sign(self, payload: bytes) -> bytes:
        return hashlib.blake2s(payload, key=self.binding.encode()[:32], digest_size=8).digest()


def binding_of(*parts: Any) -> str:
    """Return a short digest of what a cursor is bound to."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def requested_page(
    order: ListOrder,
    query: Mapping[str, Any],
    cursors: Cursors,
    sizes: tuple[int, int] = UNDOCUMENTED_SIZES,
    *,
    lenient: bool = False,
) -> PageSlice:
    """Return the page that `first`, `last`, `after` and `before` request. `sizes` are the default and the maximum.

    A size above the maximum is reduced to it. Raise ApiError 400 for a size below 1, for `first` together with `last`,
    and for a cursor of another list; a `lenient` simulator ignores these parameters instead.
    """
    first, last = _size(query, "first", lenient), _size(query, "last", lenient)
    if first is not None and last is not None:
        if not lenient:
            raise parameter_invalid("last", "not to be combined with first")
        last = None
    low, high = 0, len(order.keys)
    if (after := _cursor_key(query, "after", cursors, lenient)) is not None:
        low = order.index_after(after)
    if (before := _cursor_key(query, "before", cursors, lenient)) is not None:
        high = max(low, order.index_of(before))
    backward = last is not None or (before is not None and first is None)
    default, maximum = sizes
    size = min(first or last or default, maximum)
    start, stop = (max(low, high - size), high) if backward else (low, min(high, low + size))
    return page_between(order.keys, start, stop, cursors)


def size_limits(contract: Contract, operation: Operation) -> tuple[int, int]:
    """Return the default and the maximum page size of a list; for an unpaginated list, more than any list has."""
    if operation.parameter("first") is None and operation.parameter("last") is None:
        return sys.maxsize, sys.maxsize
    paging = contract.paging(operation)
    return paging.default_size or UNDOCUMENTED_SIZES[0], paging.maximum_size


def page_between(keys: Sequence[SortKey], start: int, stop: int, cursors: Cursors) -> PageSlice:
    """Return the page with the items `start:stop` of a list."""
    some = start < stop
    info = {
        "end_cursor": cursors.encode(keys[stop - 1]) if some else None,
        "start_cursor": cursors.encode(keys[start]) if some else None,
        "has_next_page": stop < len(keys),
        "has_previous_page": start > 0,
    }
    return PageSlice(start, stop, info)


def _size(query: Mapping[str, Any], name: str, lenient: bool) -> int | None:
    size: float | None = query.get(name)  # a number where no source says that it is an integer
    if size is not None and (size < 1 or not float(size).is_integer()):
        if lenient:
            return None
        raise parameter_invalid(name, "an integer of at least 1")
    return None if size is None else int(size)


def _cursor_key(query: Mapping[str, Any], name: str, cursors: Cursors, lenient: bool) -> SortKey | None:
    if name not in query:
        return None
    try:
        return cursors.decode(query[name], name)
    except ApiError:
        if lenient:
            return None
        raise


Test = Callable[[list[Any], Any], bool]


def _number(value: Any) -> float:
    """Return a value as a number: of an amount, the amount itself; of a list or map, its size."""
    if isinstance(value, dict):
        return _number(value["amount"]) if "amount" in value else len(value)
    return float(len(value) if isinstance(value, list) else value)


COMPARISONS: Mapping[str, Test] = {
    "before": lambda found, wanted: any(to_milliseconds(value) < wanted for value in found),
    "not-before": lambda found, wanted: any(to_milliseconds(value) >= wanted for value in found),
    "contains": lambda found, wanted: any(str(wanted).casefold() in str(value).casefold() for value in found),
    "at-least": lambda found, wanted: any(_number(value) >= wanted for value in found),
    "at-most": lambda found, wanted: any(_number(value) <= wanted for value in found),
    "is-null": lambda found, wanted: (not found) is wanted,
    "only-if-true": lambda found, wanted: not wanted or True in found,
    "unless-zero": lambda found, wanted: wanted or any(found),
    "equals": lambda found, wanted: any(_plain(value) == wanted for value in found),
}


def select_rows(
    world: World, operation: Operation, query: Mapping[str, Any], *, lenient: bool = False
) -> tuple[list[Entity], ListOrder]:
    """Return the sorted objects of a list operation for `query`, and their sort keys.

    Raise ApiError 404 if a required parameter names an object that does not exist; a `lenient` simulator ignores the
    parameter then.
    """
    rows = list(world.table(world.views.of_operation[operation.id].table).values())
    for one in world.views.filters_of(operation):
        parameter = one.parameter
        if parameter.name not in query:
            continue
        wanted = query[parameter.name]
        if not _is_known(world, parameter, wanted):
            if lenient:
                continue
            if parameter.required:
                raise not_found(singular_of(parameter.resource or parameter.name).replace("_", " "))
        rows = _kept(world, one, wanted, rows)
    return _sorted(world, query, rows)


def _is_known(world: World, parameter: Parameter, wanted: Any) -> bool:
    tables = [table for resource in parameter.resources if (table := world.views.table_of(resource))]
    ids = wanted if isinstance(wanted, list) else [wanted]
    return not tables or any(world.get(EntityRef(table, id)) for table in tables for id in ids)


def _kept(world: World, one: ListFilter, wanted: Any, rows: list[Entity]) -> list[Entity]:
    test, account = COMPARISONS[one.test], world.contract.account
    if one.test in ("before", "not-before") and isinstance(wanted, str):
        try:
            wanted = to_milliseconds(wanted)
        except (ValueError, OverflowError):
            raise parameter_invalid(one.parameter.name, "an ISO 8601 date and time") from None
    if one.parameter.resource == account.resource and one.path in account_fields(world.contract):
        return [row for row in rows if any(test([owner], wanted) for owner in account_of(world, row))]
    if not isinstance(wanted, list):
        return [row for row in rows if test(_found(world, row, one.path), wanted)]
    tests = [_one_of(world, value) for value in wanted]
    return [row for row in rows if any(matches(_found(world, row, one.path)) for matches in tests)]


def account_of(world: World, row: Entity) -> list[Any]:
    """Return the account that an object belongs to, also where no response shows it."""
    fields = account_fields(world.contract)
    return [value for name in fields if (value := row.raw.get(name)) is not None][:1]


def _one_of(world: World, wanted: Any) -> Callable[[list[Any]], bool]:
    """Return the test for one value of an array parameter."""
    rule = world.declared.wildcards.get(str(wanted), "")
    if rule == "*":
        return lambda found: True
    if rule.startswith("!"):
        return lambda found: rule[1:] not in found
    return lambda found: COMPARISONS["equals"](found, wanted)


def _found(world: World, row: Entity, path: str) -> list[Any]:
    """Return the values that a filter compares: every value at the end of one of the paths."""
    if path == "created_at":
        return [row.values.get(path) or world.created(row)]
    return [value for option in path.split("|") for value in world.follow(row, option)]


def _plain(value: Any) -> Any:
    """Return what a parameter is compared with: of an object, and of one that is no resource, its id."""
    if isinstance(value, Mapping):
        return value.get("id")
    return value.id if isinstance(value, EntityRef) else value


def _sorted(world: World, query: Mapping[str, Any], rows: list[Entity]) -> tuple[list[Entity], ListOrder]:
    """Sort by `order` and `direction`, newest first by default. Objects without a sort key are the lowest."""
    path = world.declared.order_path(query.get("order", "created_at"))
    descending = query.get("direction", "desc") == "desc"

    def key_of(row: Entity) -> SortKey:
        if path == "created_at":
            return (1, row.index, row.index)
        found = [_sortable(value) for value in _found(world, row, path)]
        return (1, found[0], row.index) if found else (0, 0, row.index)

    keyed = sorted(((key_of(row), row) for row in rows), key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in keyed], ListOrder([key for key, _ in keyed], descending)


def _sortable(value: Any) -> Any:
    if isinstance(value, dict | list):
        return _number(value)
    return _plain(value)
