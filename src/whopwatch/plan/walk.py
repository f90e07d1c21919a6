"""Walking a list: forward along its cursors, and one step back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whopwatch.client import Call
from whopwatch.exchange import Exchange, Purpose
from whopwatch.plan.known import PAGING, Experiment, Known, cursor, has_next, items

PAGES = 3
"""Pages of one walk, the first included."""


def walk_lists(known: Known) -> Iterator[Experiment]:
    """One walk for each list whose first page says that another one follows, unless it was walked before."""
    for operation in known.reads():
        trace = known.first_page(operation) if operation.is_list else None
        walked = any(call.purpose is Purpose.NEXT_PAGE for call in known.calls(operation.id))
        if trace and has_next(trace[1]) and not walked:
            yield walk(*trace)


def walk(first: Call, page: Exchange, pages: int = PAGES) -> Experiment:
    """The pages after `page`, which answered `first`; then the step back from the second page to the first.

    It ends at the last page, after `pages` of them, or where a cursor is missing or leads back to where it was.
    """
    base = tuple(pair for pair in first.query if pair[0] not in PAGING)
    size = first_size(first)
    seen: set[str] = set()
    second: Exchange | None = None
    for _ in range(pages - 1):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None or after in seen:
            break
        seen.add(after)
        page = yield replace(first, purpose=Purpose.NEXT_PAGE, query=(*base, ("first", size), ("after", after)))
        second = second or page
    before = cursor(second, "start_cursor") if second and items(second) else None
    if before:
        yield replace(first, purpose=Purpose.PREVIOUS_PAGE, query=(*base, ("last", size), ("before", before)))


def first_size(call: Call) -> str:
    """The page size that `call` asked for."""
    return dict(call.query)["first"]
