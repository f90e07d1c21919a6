"""Paginate lists with cursors in both directions.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.simulator.api.errors import ApiError, parameter_invalid

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
        """Return the sort key in a cursor. Raises ApiError 400 for a cursor that is not from this list."""
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

    A size above the maximum is reduced to it. Raises ApiError 400 for a size below 1, for `first` together with `last`,
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
