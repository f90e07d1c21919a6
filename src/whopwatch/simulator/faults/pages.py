"""Faults in pages of lists: which slice a page shows, its page_info, and which cursors are accepted."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import Any

from whopwatch.simulator.api.errors import ApiError, parameter_invalid
from whopwatch.simulator.api.lists import Cursors, SortKey, page_between
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.world.tables import Entity

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
                "garbage" if _key_in(cursor) is None else "foreign",
            ):
                raise
            call.query = {name: value for name, value in query.items() if name not in CURSOR_PARAMETERS}
            proceed()
            call.query = query

    return around("page", forgiving, "param:after")


def _key_in(cursor: Any) -> SortKey | None:
    """Return the sort key in a cursor of any list; None if it is no cursor."""
    try:
        raw = base64.urlsafe_b64decode(f"{cursor}{'=' * (-len(str(cursor)) % 4)}")
        key = json.loads(raw[8:])
    except ValueError:
        return None
    return tuple(key) if isinstance(key, list) else None


@dataclass(frozen=True)
class UnboundCursors(Cursors):
    """Cursors that are valid for every list."""

    def decode(self, cursor: str, param: str) -> SortKey:
        """Return the sort key in a cursor of any list."""
        key = _key_in(cursor)
        if key is None:
            raise parameter_invalid(param, "a cursor")
        return key


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


PageCondition = Callable[[ApiCall], bool]


def _page(call: ApiCall) -> tuple[int, int, int]:
    assert call.page is not None
    assert call.order is not None
    return call.page.start, call.page.stop, len(call.order.keys)


PAGE_CONDITIONS: Mapping[str, PageCondition] = {
    "always": lambda call: True,
    "first": lambda call: _page(call)[0] == 0 and "after" not in call.query,
    "later": lambda call: "after" in call.query,
    "after": lambda call: "after" in call.query,
    "before": lambda call: "before" in call.query,
    "backward": lambda call: "last" in call.query or "before" in call.query,
    "end": lambda call: _page(call)[1] == _page(call)[2],
    "going-on": lambda call: _page(call)[1] < _page(call)[2],
    "empty": lambda call: _page(call)[0] == _page(call)[1],
    "small": lambda call: "after" in call.query and 0 < call.query.get("first", 10) < 10,
    "both": lambda call: "after" in call.query or "before" in call.query,
}
"""Which requests or pages of a list are affected."""
_FORWARD, _BACKWARD = ("after",), ("before", "last")
_NEEDED = {"later": _FORWARD, "after": _FORWARD, "small": _FORWARD, "before": _BACKWARD, "backward": _BACKWARD}
"""The parameters without which no request of a list is affected. Only with both of them is a list read backwards."""


def _condition(context: FaultContext, when: str) -> PageCondition | None:
    """Return which requests are affected, a key of PAGE_CONDITIONS; None if the operation takes no such request."""
    condition = setting_of(PAGE_CONDITIONS, "when", when)
    is_possible = all(context.operation.parameter(name) for name in _NEEDED.get(when, ()))
    return condition if context.operation.is_list and is_possible else None


def shift_window(context: FaultContext, *, start: int = 0, stop: int = 0, when: str = "always") -> FaultPlan | None:
    """Move the start and end of a page by a number of items. Its cursors match what it shows."""
    return _sliced(context, when, lambda call, low, high, total: (low + start, high + stop))


def restart_list(context: FaultContext, *, when: str) -> FaultPlan | None:
    """Show the first page again instead of another one."""

    def first(call: ApiCall, low: int, high: int, total: int) -> tuple[int, int]:
        return (0, high - low) if high > low else (0, min(10, total))

    return _sliced(context, when, first)


def cap_list(context: FaultContext, *, rows: int) -> FaultPlan | None:
    """End every list after `rows` items, as if there were no more."""

    def cap(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.order:
            call.rows = call.rows[:rows]
            call.order = replace(call.order, keys=call.order.keys[:rows])

    return around("act", cap) if context.operation.is_list else None


def align_pages(context: FaultContext, *, up: bool) -> FaultPlan | None:
    """Start each page at a multiple of its size, whatever its cursor says."""

    def move(call: ApiCall, low: int, high: int, total: int) -> tuple[int, int]:
        size = call.query.get("first", 10)
        begin = -(-low // size) * size if up else low // size * size
        return begin, begin + size

    return _sliced(context, "after", move)


def _sliced(
    context: FaultContext, when: str, choose: Callable[[ApiCall, int, int, int], tuple[int, int]]
) -> FaultPlan | None:
    is_affected = _condition(context, when)
    if is_affected is None:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        rows = call.rows
        proceed()
        if is_affected(call):
            low, high, total = _page(call)
            start, stop = choose(call, low, high, total)
            _serve(call, rows, max(0, min(start, total)), max(0, min(stop, total)))

    return around("page", changed)


def _serve(call: ApiCall, rows: list[Entity], start: int, stop: int) -> None:
    assert call.order is not None
    assert call.cursors is not None
    call.page = page_between(call.order.keys, start, max(start, stop), call.cursors)
    call.rows = rows[start : max(start, stop)]


def change_page_claims(context: FaultContext, *, when: str = "always", **changes: Any) -> FaultPlan | None:
    """Set keys of `page_info`. `$NAME` is another key of it, or a parameter of the request."""
    is_affected = _condition(context, when)
    if is_affected is None:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        assert call.page is not None
        if is_affected(call):
            known = {**call.query, **call.page.info}
            told = {name: known.get(value[1:]) if _is_name(value) else value for name, value in changes.items()}
            call.page = replace(call.page, info={**call.page.info, **told})

    return around("page", changed, f"/page_info/{next(iter(changes))}")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\$\w+", value) is not None


def change_items(context: FaultContext, *, how: str, when: str = "always") -> FaultPlan | None:
    """Show other items than the page's slice has: `how` is a key of PAGE_CHANGES."""
    choose, numbers = setting_of(PAGE_CHANGES, "how", how), count()
    is_affected = _condition(context, when)
    if is_affected is None:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        rows = list(call.rows)
        proceed()
        if is_affected(call) and call.rows:
            call.rows = choose(rows, call.rows, next(numbers))

    return around("page", changed)


PAGE_CHANGES: Mapping[str, Callable[[list[Entity], list[Entity], int], list[Entity]]] = {
    "one-less": lambda rows, page, number: page[:-1],
    "first-twice": lambda rows, page, number: [page[0], *page[:-1]],
    "first-of-all": lambda rows, page, number: [rows[0], *page[1:]],
    "reversed": lambda rows, page, number: page[::-1],
    "reversed-in-turn": lambda rows, page, number: page[::-1] if number % 2 else page,
    "without-middle": lambda rows, page, number: [row for row in page if row is not rows[len(rows) // 2]],
}
"""`(all items of the list, items of the page, number of the request)` to the shown items."""


def rearrange_list(
    context: FaultContext, *, how: str, when: str = "always", having: str | None = None
) -> FaultPlan | None:
    """Change the order of a list before it is cut into pages: `how` is a key of LIST_ORDERS.

    `having` is a parameter that the list has to have.
    """
    arrange, numbers = setting_of(LIST_ORDERS, "how", how), count()
    is_affected = _condition(context, when)
    if is_affected is None or (having and context.operation.parameter(having) is None):
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if call.order is not None and is_affected(call):
            call.rows = arrange(call, call.rows, next(numbers))
        proceed()

    return around("page", changed)


def _scattered(call: ApiCall, rows: list[Entity], number: int) -> list[Entity]:
    return sorted(rows, key=lambda row: (row.index * 7919) % 101)


def _ties(flip: Callable[[ApiCall, int], bool]) -> Callable[[ApiCall, list[Entity], int], list[Entity]]:
    """Return an order that reverses items with equal sort keys if `flip` is true."""

    def arrange(call: ApiCall, rows: list[Entity], number: int) -> list[Entity]:
        if not flip(call, number) or call.order is None:
            return rows
        keys = [key[:2] for key in call.order.keys]
        ranks = {id(row): keys.index(key) for row, key in zip(rows, keys, strict=True)}
        backwards = rows[::-1]
        return sorted(backwards, key=lambda row: ranks[id(row)])

    return arrange


LIST_ORDERS: Mapping[str, Callable[[ApiCall, list[Entity], int], list[Entity]]] = {
    "scattered": _scattered,
    "rotated-by-size": lambda call, rows, number: rows[(k := call.query.get("first", 0) % 7) :] + rows[:k],
    "rotated-in-turn": lambda call, rows, number: rows[(k := number % 3) :] + rows[:k],
    "ties-in-turn": _ties(lambda call, number: number % 2 == 1),
    "ties-by-size": _ties(lambda call, number: call.query.get("first", 10) % 3 != 1),
}
"""`(call, items, number of the request)` to the items in another order."""


def sort_pages(context: FaultContext) -> FaultPlan | None:
    """Shuffle the list, and sort each page again."""
    if not context.operation.is_list:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        ranks = {row.id: rank for rank, row in enumerate(call.rows)}
        call.rows = _scattered(call, call.rows, 0)
        proceed()
        call.rows = sorted(call.rows, key=lambda row: ranks[row.id])

    return around("page", changed)


WINDOW_FAULTS: FaultSteps = {
    "window": shift_window,
    "sorted-pages": sort_pages,
    "restart": restart_list,
    "capped": cap_list,
    "aligned": align_pages,
    "info": change_page_claims,
    "shown": change_items,
    "arranged": rearrange_list,
}
