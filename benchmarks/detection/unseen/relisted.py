"""A list served again by a proxy: all items of the real one, changed, and paginated by other rules."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.detection.unseen.front import Answer, Ask, Twist, Upstream

PAGING = ("first", "last", "after", "before")
DEFAULT_SIZE = 10
MAX_SIZE = 100
MOST_PAGES = 20


@dataclass(frozen=True)
class Window:
    """Return the page `start:stop` of `items`."""

    items: list[Any]
    start: int
    stop: int

    @property
    def has_next(self) -> bool:
        """Whether more items follow."""
        return self.stop < len(self.items)


@dataclass(frozen=True)
class Cutter:
    """The rules of pagination; each may replace the right one.

    `arrange` changes the whole list. `size` maps the requested page size (None for none) to the used one. `follow` maps
    the position of a cursor to the first position of the page. `more` decides has_next_page. `show` changes the items
    of a page.
    """

    arrange: Callable[[list[Any]], list[Any]] = lambda items: items
    size: Callable[[int | None], int] = lambda asked: min(asked or DEFAULT_SIZE, MAX_SIZE)
    follow: Callable[[int], int] = lambda start: start
    more: Callable[[Window, int], bool] = lambda window, size: window.has_next
    show: Callable[[list[Any]], list[Any]] = lambda items: items

    async def __call__(self, ask: Ask, upstream: Upstream) -> Answer:
        """Return a page if the real list would respond with one."""
        plain = ask.without(*PAGING)
        sample = await upstream(plain)
        bounds = _bounds(ask)
        if not sample.ok or bounds is None:
            return await upstream(ask)
        items = self.arrange(await everything(plain, upstream))
        low, high, asked, backward = bounds
        low, high = (self.follow(low) if ask.get("after") else 0), len(items) if high is None else min(high, len(items))
        size = self.size(asked)
        start, stop = (max(low, high - size), high) if backward else (low, min(high, low + size))
        window = Window(items, start, max(start, stop))
        return sample.with_value(self._page(window, size, _binding(ask)))

    def _page(self, window: Window, size: int, binding: str) -> dict[str, Any]:
        shown = self.show(window.items[window.start : window.stop])
        info = {
            "end_cursor": _encode(binding, window.stop - 1) if shown else None,
            "start_cursor": _encode(binding, window.start) if shown else None,
            "has_next_page": self.more(window, size),
            "has_previous_page": window.start > 0,
        }
        return {"data": shown, "page_info": info}


async def everything(ask: Ask, upstream: Upstream) -> list[Any]:
    """Return all items of a list, from the pages of the real one."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        page = (await upstream(ask.without(*PAGING).with_(first=str(MAX_SIZE), **cursor))).value
        found += page["data"]
        if not page["page_info"]["has_next_page"]:
            break
        cursor = {"after": page["page_info"]["end_cursor"]}
    return found


def relisted(**rules: Any) -> Twist:
    """A twist that serves the list by these rules."""
    return Cutter(**rules)


def _bounds(ask: Ask) -> tuple[int, int | None, int | None, bool] | None:
    """Return the bounds of the page, the requested size, and whether it is cut from the end. None for invalid input."""
    first, last = ask.get("first"), ask.get("last")
    sizes = [text for text in (first, last) if text is not None]
    if len(sizes) > 1 or not all(text.isdecimal() and int(text) > 0 for text in sizes):
        return None
    low, high = 0, None
    if (cursor := ask.get("after")) is not None:
        if (position := _decode(_binding(ask), cursor)) is None:
            return None
        low = position + 1
    if (cursor := ask.get("before")) is not None:
        if (position := _decode(_binding(ask), cursor)) is None:
            return None
        high = position
    backward = last is not None or (ask.get("before") is not None and first is None)
    return low, high, int(sizes[0]) if sizes else None, backward


def _binding(ask: Ask) -> str:
    parts = [ask.path, *sorted(pair for pair in ask.query if pair[0] not in PAGING)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _encode(binding: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{binding}{position:06}".encode()).decode()


def _decode(binding: str, cursor: str) -> int | None:
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    position = text.removeprefix(binding)
    return int(position) if len(position) == 6 and position.isdecimal() else None
