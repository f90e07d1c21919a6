"""Cursor pagination in both directions.

A cursor is opaque, URL-safe, and holds the place in the sort order, not an item: it stays good when its item is
deleted. It is bound to the operation, its filters and its order; anything else about it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whopwatch.simulator.problem import ApiError, invalid

DEFAULT_SIZE = 10
MAX_SIZE = 100

Place = tuple[Any, ...]
"""Where an item stands in the sort order: its sort key and its number, so that no two are equal."""


@dataclass(frozen=True)
class Listing:
    """The places of a list's items as it is served: ascending, or `descending`."""

    places: Sequence[Place]
    descending: bool

    def index_of(self, place: Place) -> int:
        """How many items come before this place."""
        if self.descending:
            return len(self.places) - bisect_right(self.places[::-1], place)
        return bisect_left(self.places, place)

    def index_after(self, place: Place) -> int:
        """How many items come before or stand at this place."""
        if self.descending:
            return len(self.places) - bisect_left(self.places[::-1], place)
        return bisect_right(self.places, place)


@dataclass(frozen=True)
class Page:
    """The slice `start:stop` of a list, and what `page_info` says of it."""

    start: int
    stop: int
    info: Mapping[str, Any]


@dataclass(frozen=True)
class Cursors:
    """Encodes and decodes the cursors of one list as one request asked for it."""

    binding: str

    def encode(self, place: Place) -> str:
        """The cursor of an item."""
        payload = json.dumps(place, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode().rstrip("=")

    def decode(self, cursor: str, param: str) -> Place:
        """The place that a cursor names; raises ApiError 400 for one that this list did not give."""
        try:
            raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise invalid(param, "a cursor of this list") from None
        if not raw[8:] or raw[:8] != self._sign(raw[8:]):
            raise invalid(param, "a cursor of this list")
        return tuple(json.loads(raw[8:]))

    def _sign(self, payload: bytes) -> bytes:
        return hashlib.blake2s(payload, key=self.binding.encode()[:32], digest_size=8).digest()


def binding_of(*parts: Any) -> str:
    """What a cursor belongs to, as a short text."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def page_of(listing: Listing, query: Mapping[str, Any], cursors: Cursors, *, lenient: bool = False) -> Page:
    """The page of a list that `first`, `last`, `after` and `before` ask for.

    `first` beyond the maximum is clamped to it. Raises ApiError 400 for a size below 1, for `first` together with
    `last`, and for a cursor that is not the list's own; a `lenient` simulator ignores those instead.
    """
    first, last = _size(query, "first", lenient), _size(query, "last", lenient)
    if first is not None and last is not None:
        if not lenient:
            raise invalid("last", "not to be sent together with first")
        last = None
    low, high = 0, len(listing.places)
    if (after := _place(query, "after", cursors, lenient)) is not None:
        low = listing.index_after(after)
    if (before := _place(query, "before", cursors, lenient)) is not None:
        high = max(low, listing.index_of(before))
    backward = last is not None or (before is not None and first is None)
    size = min(first or last or DEFAULT_SIZE, MAX_SIZE)
    start, stop = (max(low, high - size), high) if backward else (low, min(high, low + size))
    return page_of_slice(listing.places, start, stop, cursors)


def page_of_slice(places: Sequence[Place], start: int, stop: int, cursors: Cursors) -> Page:
    """The page that shows `start:stop` of a list."""
    some = start < stop
    info = {
        "end_cursor": cursors.encode(places[stop - 1]) if some else None,
        "start_cursor": cursors.encode(places[start]) if some else None,
        "has_next_page": stop < len(places),
        "has_previous_page": start > 0,
    }
    return Page(start, stop, info)


def _size(query: Mapping[str, Any], name: str, lenient: bool) -> int | None:
    size: int | None = query.get(name)
    if size is not None and size < 1:
        if lenient:
            return None
        raise invalid(name, "an integer of at least 1")
    return size


def _place(query: Mapping[str, Any], name: str, cursors: Cursors, lenient: bool) -> Place | None:
    if name not in query:
        return None
    try:
        return cursors.decode(query[name], name)
    except ApiError:
        if lenient:
            return None
        raise
