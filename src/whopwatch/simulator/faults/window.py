"""Faults in which slice of a list a page is, and in what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.paging import page_of_slice
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.world import Entity

When = Callable[[Call], bool]


def _page(call: Call) -> tuple[int, int, int]:
    assert call.page is not None
    assert call.listing is not None
    return call.page.start, call.page.stop, len(call.listing.places)


WHEN: Mapping[str, When] = {
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
"""Which requests or pages of a list are meant."""


def window(place: Place, *, start: int = 0, stop: int = 0, when: str = "always") -> Plan | None:
    """Move the ends of a page by as many items, so that its cursors are those of what it shows."""
    return _sliced(place, WHEN[when], lambda call, low, high, total: (low + start, high + stop))


def restart(place: Place, *, when: str) -> Plan | None:
    """Show the first page again where another one is meant."""

    def first(call: Call, low: int, high: int, total: int) -> tuple[int, int]:
        return (0, high - low) if high > low else (0, min(10, total))

    return _sliced(place, WHEN[when], first)


def capped(place: Place, *, rows: int) -> Plan | None:
    """End every list after so many items, as if there were no more."""

    def cap(call: Call, proceed: Proceed) -> None:
        proceed()
        if call.listing:
            call.rows = call.rows[:rows]
            call.listing = replace(call.listing, places=call.listing.places[:rows])

    return around("act", cap) if place.operation.is_list else None


def aligned(place: Place, *, up: bool) -> Plan | None:
    """Let a page begin at a multiple of its size, whatever its cursor says."""

    def move(call: Call, low: int, high: int, total: int) -> tuple[int, int]:
        size = call.query.get("first", 10)
        begin = -(-low // size) * size if up else low // size * size
        return begin, begin + size

    return _sliced(place, WHEN["after"], move)


def _sliced(place: Place, when: When, choose: Callable[[Call, int, int, int], tuple[int, int]]) -> Plan | None:
    if not place.operation.is_list:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        rows = call.rows
        proceed()
        if when(call):
            low, high, total = _page(call)
            start, stop = choose(call, low, high, total)
            _serve(call, rows, max(0, min(start, total)), max(0, min(stop, total)))

    return around("page", changed)


def _serve(call: Call, rows: list[Entity], start: int, stop: int) -> None:
    assert call.listing is not None
    assert call.cursors is not None
    call.page = page_of_slice(call.listing.places, start, max(start, stop), call.cursors)
    call.rows = rows[start : max(start, stop)]


def info(place: Place, *, when: str = "always", **changes: Any) -> Plan | None:
    """Set keys of `page_info`. `$NAME` is another key of it, or a parameter of the request."""
    if not place.operation.is_list:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        assert call.page is not None
        if WHEN[when](call):
            known = {**call.query, **call.page.info}
            told = {name: known.get(value[1:]) if _is_name(value) else value for name, value in changes.items()}
            call.page = replace(call.page, info={**call.page.info, **told})

    return around("page", changed, f"/page_info/{next(iter(changes))}")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\$\w+", value) is not None


def shown(place: Place, *, how: str, when: str = "always") -> Plan | None:
    """Other items on a page than its slice has: a key of SHOWN."""
    if not place.operation.is_list:
        return None
    choose, numbers = SHOWN[how], count()

    def changed(call: Call, proceed: Proceed) -> None:
        rows = list(call.rows)
        proceed()
        if WHEN[when](call) and call.rows:
            call.rows = choose(rows, call.rows, next(numbers))

    return around("page", changed)


SHOWN: Mapping[str, Callable[[list[Entity], list[Entity], int], list[Entity]]] = {
    "one-less": lambda rows, page, number: page[:-1],
    "first-twice": lambda rows, page, number: [page[0], *page[:-1]],
    "first-of-all": lambda rows, page, number: [rows[0], *page[1:]],
    "reversed": lambda rows, page, number: page[::-1],
    "reversed-in-turn": lambda rows, page, number: page[::-1] if number % 2 else page,
    "without-middle": lambda rows, page, number: [row for row in page if row is not rows[len(rows) // 2]],
}
"""`(all items of the list, those of the page, number of the request)` to those that are shown."""


def arranged(place: Place, *, how: str, when: str = "always", having: str | None = None) -> Plan | None:
    """Put all items of a list into another order before it is cut into pages: a key of ARRANGED.

    `having` is a parameter that the list has to have for it.
    """
    if not place.operation.is_list or (having and place.operation.parameter(having) is None):
        return None
    arrange, numbers = ARRANGED[how], count()

    def changed(call: Call, proceed: Proceed) -> None:
        if call.listing is not None and WHEN[when](call):
            call.rows = arrange(call, call.rows, next(numbers))
        proceed()

    return around("page", changed)


def _scattered(call: Call, rows: list[Entity], number: int) -> list[Entity]:
    return sorted(rows, key=lambda row: (row.index * 7919) % 101)


def _ties(flip: Callable[[Call, int], bool]) -> Callable[[Call, list[Entity], int], list[Entity]]:
    """Items of equal sort key in reverse, where `flip` says so."""

    def arrange(call: Call, rows: list[Entity], number: int) -> list[Entity]:
        if not flip(call, number) or call.listing is None:
            return rows
        keys = [place[:2] for place in call.listing.places]
        ranks = {id(row): keys.index(key) for row, key in zip(rows, keys, strict=True)}
        backwards = rows[::-1]
        return sorted(backwards, key=lambda row: ranks[id(row)])

    return arrange


ARRANGED: Mapping[str, Callable[[Call, list[Entity], int], list[Entity]]] = {
    "scattered": _scattered,
    "rotated-by-size": lambda call, rows, number: rows[(k := call.query.get("first", 0) % 7) :] + rows[:k],
    "rotated-in-turn": lambda call, rows, number: rows[(k := number % 3) :] + rows[:k],
    "ties-in-turn": _ties(lambda call, number: number % 2 == 1),
    "ties-by-size": _ties(lambda call, number: call.query.get("first", 10) % 3 != 1),
}
"""`(call, items, number of the request)` to the items in another order."""


def sorted_pages(place: Place) -> Plan | None:
    """Put all items in disorder, and those of each page in order again."""
    if not place.operation.is_list:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        ranks = {row.id: rank for rank, row in enumerate(call.rows)}
        call.rows = _scattered(call, call.rows, 0)
        proceed()
        call.rows = sorted(call.rows, key=lambda row: ranks[row.id])

    return around("page", changed)


STEPS: Table = {
    "window": window,
    "sorted-pages": sorted_pages,
    "restart": restart,
    "capped": capped,
    "aligned": aligned,
    "info": info,
    "shown": shown,
    "arranged": arranged,
}
