"""Read a list while it is written to: every item that is not written to has to appear exactly once."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.page import ListPage
from whopwatch.planning.state import Experiment, cursor, has_next
from whopwatch.planning.writes.bodies import Body
from whopwatch.planning.writes.write_state import WriteState, WriteSteps

ITEMS_PER_PAGE = 2
PAGES_READ = 3
OWN_ITEMS = 5
"""Items that the run created, at least: they fill the first pages of a list whose newest items come first."""


def traverse_while_writing(writing: WriteState, resource: str, body: Body) -> Experiment:
    """Read three pages. After the first, update its first item and delete its last; after that, create an item."""
    create, listing = writing.operation(resource, "create"), writing.listings.get(resource)
    if create is None or listing is None or not writing.created.get(resource) or not _has_pages(listing.operation):
        return
    if not writing.is_simulated and writing.operation(resource, "delete") is None:
        return  # do not create several objects that cannot be deleted again
    for _ in range(len(writing.created[resource]), OWN_ITEMS):
        yield from writing.write(create, body=_fresh(writing, create, body))
    page = yield _page(listing, None)
    for number in range(1, PAGES_READ):
        end = cursor(page, "end_cursor")
        if end is None or not has_next(page):
            return
        is_shorter = number == 1 and (yield from _disturb(writing, resource, ListPage(page).ids))
        if not is_shorter:
            yield from writing.write(create, body=_fresh(writing, create, body))
        page = yield _page(listing, end)


def _has_pages(listing: Operation) -> bool:
    return bool(listing.parameter("first") and listing.parameter("after"))


def _disturb(writing: WriteState, resource: str, shown: list[str]) -> WriteSteps[bool]:
    """Update the first item of a page and delete the last, own items only; return whether one was deleted.

    The caller creates an item only if none was deleted: both at once would cancel out for cursors that count items.
    """
    delete, update = writing.operation(resource, "delete"), writing.operation(resource, "update")
    own = set(writing.created[resource])
    for id in shown[:1]:
        if update and id in own and len(shown) > 1 and (yield from writing.is_own(resource, id)):
            yield from writing.write(update, id, _first_of(writing, update))
    if delete and shown and shown[-1] in own and (yield from writing.is_own(resource, shown[-1])):
        yield from writing.write(delete, shown[-1])
        return True
    return False


def _first_of(writing: WriteState, update: Operation) -> Body:
    """Return an update of one text field: the lifecycle has updated all other fields before."""
    body = writing.bodies.changed(update, {})
    texts: Iterator[str] = (name for name, value in body.items() if isinstance(value, str) and writing.marker in value)
    return {**writing.bodies.minimal(update), **{name: body[name] for name in list(texts)[:1]}}


def _fresh(writing: WriteState, create: Operation, body: Body) -> Body:
    """Return `body` with new texts, so that none is rejected as a duplicate."""
    fresh = writing.bodies.minimal(create)
    return {name: fresh.get(name, value) for name, value in body.items()}


def _page(listing: Call, after: str | None) -> Call:
    rest = tuple(pair for pair in listing.query if pair[0] != "first")
    paging = (("first", str(ITEMS_PER_PAGE)), *((("after", after),) if after else ()))
    return Call(listing.operation, Purpose.MOVING_PAGE, listing.path_params, (*rest, *paging))
