"""Faults in cursors: which are accepted, for how long, and which page they select."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any

from whopwatch.simulator.api.errors import ApiError, parameter_invalid
from whopwatch.simulator.api.paging import Cursors, SortKey
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of

CURSOR_PARAMETERS = ("after", "before")


def restart_at_first_page(context: FaultContext, *, kind: str = "any") -> FaultPlan | None:
    """Ignore cursors that the API rejects: `garbage`, `foreign` (of another list) or `any`."""
    if context.operation.parameter("after") is None:
        return None

    def forgiving(call: ApiCall, proceed: Proceed) -> None:
        query = call.query
        try:
            proceed()
        except ApiError as problem:
            cursor = query.get(problem.param or "")
            if problem.param not in CURSOR_PARAMETERS or kind not in (
                "any",
                "foreign" if _is_cursor(cursor) else "garbage",
            ):
                raise
            call.query = {name: value for name, value in query.items() if name not in CURSOR_PARAMETERS}
            proceed()
            call.query = query

    return around("page", forgiving, "param:after")


def _is_cursor(text: Any) -> bool:
    """Check that a string is a cursor of some list."""
    try:
        raw = base64.urlsafe_b64decode(f"{text}{'=' * (-len(str(text)) % 4)}")
        return isinstance(json.loads(raw[8:]), list)
    except ValueError:
        return False


@dataclass(frozen=True)
class UnboundCursors(Cursors):
    """Cursors that are valid for every list."""

    def decode(self, cursor: str, param: str) -> SortKey:
        """Return the sort key in a cursor of any list."""
        if not _is_cursor(cursor):
            raise parameter_invalid(param, "a cursor")
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return tuple(json.loads(raw[8:]))


@dataclass(frozen=True)
class PositionCursors(Cursors):
    """Cursors that hold a position in the list, so that a write moves every later page."""

    positions: Mapping[SortKey, int]

    def encode(self, place: SortKey) -> str:
        """Return the cursor of an item: its position."""
        return super().encode((self.positions[place],))

    def decode(self, cursor: str, param: str) -> SortKey:
        """Return the sort key of the item that is at the position now."""
        number = super().decode(cursor, param)[0]
        places = list(self.positions)
        return places[min(number, len(places) - 1)] if places else (0, 0, 0)


def accept_foreign_cursors(context: FaultContext) -> FaultPlan | None:
    """Accept the cursors of other lists."""

    def careless(call: ApiCall, proceed: Proceed) -> None:
        if call.cursors is not None:
            call.cursors = UnboundCursors(call.cursors.binding)
        try:
            proceed()
        except TypeError:
            # The sort key of another list cannot be compared with this list's.
            query = call.query
            call.query = {name: value for name, value in query.items() if name not in CURSOR_PARAMETERS}
            proceed()
            call.query = query

    return around("page", careless, "param:after") if context.operation.is_list else None


def use_positions(context: FaultContext) -> FaultPlan | None:
    """Use cursors that hold a position instead of a sort key."""

    def counting(call: ApiCall, proceed: Proceed) -> None:
        if call.cursors is not None and call.order is not None:
            positions = {where: number for number, where in enumerate(call.order.keys)}
            call.cursors = PositionCursors(call.cursors.binding, positions)
        proceed()

    return around("page", counting, "/data/*/id") if context.operation.is_list else None


def reject_cursors(context: FaultContext, *, when: str, seconds: float = 0.0) -> FaultPlan | None:
    """Reject cursors that the list has returned: `when` is a key of REJECTED_CURSORS. They are valid for `seconds`."""
    needed = ("before", "last") if when == "backward" else ("after",)
    if not all(context.operation.parameter(name) for name in needed):
        return None
    use = _CursorUse(context, seconds)
    is_rejected = setting_of(REJECTED_CURSORS, "when", when)

    def strict(call: ApiCall, proceed: Proceed) -> None:
        for name in CURSOR_PARAMETERS:
            if name in call.query and is_rejected(use, call.query[name], call):
                raise parameter_invalid(name, "a cursor of this list")
        proceed()
        if call.page:
            use.note(call)

    return around("page", strict, "param:after")


class _CursorUse:
    """When each cursor was returned, and how often it was used."""

    def __init__(self, context: FaultContext, seconds: float) -> None:
        self.context, self.seconds = context, seconds
        self.given: dict[str, float] = {}
        self.used: dict[str, int] = {}
        self.items: dict[str, str] = {}
        self.requests = count()

    def note(self, call: ApiCall) -> None:
        assert call.page is not None
        for name in ("end_cursor", "start_cursor"):
            cursor = call.page.info[name]
            if cursor and call.rows:
                self.given.setdefault(cursor, monotonic())
                self.items[cursor] = call.rows[-1 if name == "end_cursor" else 0].id

    def is_used(self, cursor: str, _: ApiCall) -> bool:
        self.used[cursor] = self.used.get(cursor, 0) + 1
        return self.used[cursor] > 1

    def is_old(self, cursor: str, _: ApiCall) -> bool:
        return monotonic() - self.given.get(cursor, monotonic()) > self.seconds

    def is_orphaned(self, cursor: str, call: ApiCall) -> bool:
        view = self.context.view
        item = self.items.get(cursor)
        return view is not None and item is not None and item not in self.context.world.table(view.table)

    def is_backward(self, cursor: str, call: ApiCall) -> bool:
        return "before" in call.query

    def is_mixed(self, cursor: str, _: ApiCall) -> bool:
        return cursor.lower() != cursor


REJECTED_CURSORS: Mapping[str, Callable[[_CursorUse, str, ApiCall], bool]] = {
    "used": _CursorUse.is_used,
    "old": _CursorUse.is_old,
    "orphaned": _CursorUse.is_orphaned,
    "backward": _CursorUse.is_backward,
    "mixed-case": _CursorUse.is_mixed,
}
"""Which cursors are rejected."""


def pad_cursors(context: FaultContext) -> FaultPlan | None:
    """Return cursors that need percent-encoding, and decode the received ones twice."""
    if context.operation.parameter("after") is None:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if any("+" in call.query.get(name, "") for name in CURSOR_PARAMETERS):
            raise parameter_invalid("after", "a cursor of this list")
        proceed()
        if call.page:
            ends = {
                name: f"{call.page.info[name]}+/=" for name in ("start_cursor", "end_cursor") if call.page.info[name]
            }
            call.page = replace(call.page, info={**call.page.info, **ends})

    return around("page", changed, "param:after")


CURSOR_FAULTS: FaultSteps = {
    "cursor-leads-home": restart_at_first_page,
    "cursor-unsigned": accept_foreign_cursors,
    "cursor-numbered": use_positions,
    "cursor-refused": reject_cursors,
    "cursor-padded": pad_cursors,
}
