"""Faults in cursors: what is taken for one, for how long, and where it leads."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any

from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.paging import Cursors
from whopwatch.simulator.paging import Place as Position
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError, invalid

NAMES = ("after", "before")


def leads_home(place: Place, *, kind: str = "any") -> Plan | None:
    """Ignore cursors that the API would refuse: `garbage`, `foreign` (of another list) or `any`."""
    if place.operation.parameter("after") is None:
        return None

    def forgiving(call: Call, proceed: Proceed) -> None:
        asked = call.query
        try:
            proceed()
        except ApiError as problem:
            cursor = asked.get(problem.param or "")
            if problem.param not in NAMES or kind not in ("any", "foreign" if _is_cursor(cursor) else "garbage"):
                raise
            call.query = {name: value for name, value in asked.items() if name not in NAMES}
            proceed()
            call.query = asked

    return around("page", forgiving, "param:after")


def _is_cursor(text: Any) -> bool:
    """Whether a text is a cursor of some list."""
    try:
        raw = base64.urlsafe_b64decode(f"{text}{'=' * (-len(str(text)) % 4)}")
        return isinstance(json.loads(raw[8:]), list)
    except ValueError:
        return False


@dataclass(frozen=True)
class Unsigned(Cursors):
    """Cursors that are good for every list."""

    def decode(self, cursor: str, param: str) -> Position:
        """The place that a cursor of any list names."""
        if not _is_cursor(cursor):
            raise invalid(param, "a cursor")
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return tuple(json.loads(raw[8:]))


@dataclass(frozen=True)
class Numbered(Cursors):
    """Cursors that count items from the front, so that what is written in between moves every later page."""

    positions: Mapping[Position, int]

    def encode(self, place: Position) -> str:
        """The number of an item."""
        return super().encode((self.positions[place],))

    def decode(self, cursor: str, param: str) -> Position:
        """The place of the item that has the number now."""
        number = super().decode(cursor, param)[0]
        places = list(self.positions)
        return places[min(number, len(places) - 1)] if places else (0, 0, 0)


def unsigned(place: Place) -> Plan | None:
    """Take the cursors of other lists for this one's own."""

    def careless(call: Call, proceed: Proceed) -> None:
        if call.cursors is not None:
            call.cursors = Unsigned(call.cursors.binding)
        try:
            proceed()
        except TypeError:
            # A place of another kind of list cannot be compared with one of this.
            asked = call.query
            call.query = {name: value for name, value in asked.items() if name not in NAMES}
            proceed()
            call.query = asked

    return around("page", careless, "param:after") if place.operation.is_list else None


def numbered(place: Place) -> Plan | None:
    """Let cursors count items instead of naming them."""

    def counting(call: Call, proceed: Proceed) -> None:
        if call.cursors is not None and call.listing is not None:
            positions = {where: number for number, where in enumerate(call.listing.places)}
            call.cursors = Numbered(call.cursors.binding, positions)
        proceed()

    return around("page", counting, "/data/*/id") if place.operation.is_list else None


def refused(place: Place, *, when: str, seconds: float = 0.0) -> Plan | None:
    """Refuse cursors that the list itself gave: a key of REFUSED. `seconds` is how long one lives."""
    if place.operation.parameter("after") is None:
        return None
    memory = _Memory(place, seconds)
    is_refused = REFUSED[when]

    def strict(call: Call, proceed: Proceed) -> None:
        for name in NAMES:
            if name in call.query and is_refused(memory, call.query[name], call):
                raise invalid(name, "a cursor of this list")
        proceed()
        if call.page:
            memory.note(call)

    return around("page", strict, "param:after")


class _Memory:
    """When each cursor was given, and how often it was used."""

    def __init__(self, place: Place, seconds: float) -> None:
        self.place, self.seconds = place, seconds
        self.given: dict[str, float] = {}
        self.used: dict[str, int] = {}
        self.items: dict[str, str] = {}
        self.requests = count()

    def note(self, call: Call) -> None:
        assert call.page is not None
        for name in ("end_cursor", "start_cursor"):
            cursor = call.page.info[name]
            if cursor and call.rows:
                self.given.setdefault(cursor, monotonic())
                self.items[cursor] = call.rows[-1 if name == "end_cursor" else 0].id

    def is_used(self, cursor: str, _: Call) -> bool:
        self.used[cursor] = self.used.get(cursor, 0) + 1
        return self.used[cursor] > 1

    def is_old(self, cursor: str, _: Call) -> bool:
        return monotonic() - self.given.get(cursor, monotonic()) > self.seconds

    def is_orphaned(self, cursor: str, call: Call) -> bool:
        view = self.place.view
        item = self.items.get(cursor)
        return view is not None and item is not None and item not in self.place.world.table(view.table)

    def is_backward(self, cursor: str, call: Call) -> bool:
        return "before" in call.query

    def is_mixed(self, cursor: str, _: Call) -> bool:
        return cursor.lower() != cursor


REFUSED: Mapping[str, Callable[[_Memory, str, Call], bool]] = {
    "used": _Memory.is_used,
    "old": _Memory.is_old,
    "orphaned": _Memory.is_orphaned,
    "backward": _Memory.is_backward,
    "mixed-case": _Memory.is_mixed,
}
"""Which cursors are refused."""


def padded(place: Place) -> Plan | None:
    """Give cursors that have to be percent-encoded, and decode what comes back twice."""
    if place.operation.parameter("after") is None:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        if any("+" in call.query.get(name, "") for name in NAMES):
            raise invalid("after", "a cursor of this list")
        proceed()
        if call.page:
            ends = {
                name: f"{call.page.info[name]}+/=" for name in ("start_cursor", "end_cursor") if call.page.info[name]
            }
            call.page = replace(call.page, info={**call.page.info, **ends})

    return around("page", changed, "param:after")


STEPS: Table = {
    "cursor-leads-home": leads_home,
    "cursor-unsigned": unsigned,
    "cursor-numbered": numbered,
    "cursor-refused": refused,
    "cursor-padded": padded,
}
