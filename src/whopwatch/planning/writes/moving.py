"""A walk of a list during which it is written to: what nobody touches has to appear exactly once."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.page import ListPage
from whopwatch.planning.state import Experiment, cursor, has_next
from whopwatch.planning.writes.bodies import Body
from whopwatch.planning.writes.writing import Steps, WriteState

SIZE = 2
OWN = 5
"""Items a page, and own items at least: they begin three pages."""
PAGES = 3


def walk_while_writing(writing: WriteState, resource: str, body: Body) -> Experiment:
    """Three pages; after the first one its last item is deleted and its first one changed, then one is created."""
    create, listing = writing.operation(resource, "create"), writing.listings.get(resource)
    if create is None or listing is None or not writing.owned.get(resource) or not _can_walk(listing.operation):
        return
    if not writing.is_simulated and writing.operation(resource, "delete") is None:
        return  # what cannot be deleted again is not created by the dozen
    for _ in range(len(writing.owned[resource]), OWN):
        yield from writing.write(create, body=_fresh(writing, create, body))
    page = yield _page(listing, None)
    for number in range(1, PAGES):
        end = cursor(page, "end_cursor")
        if end is None or not has_next(page):
            return
        is_shorter = number == 1 and (yield from _disturb(writing, resource, ListPage(page).ids))
        if not is_shorter:
            yield from writing.write(create, body=_fresh(writing, create, body))
        page = yield _page(listing, end)


def _can_walk(listing: Operation) -> bool:
    return bool(listing.parameter("first") and listing.parameter("after"))


def _disturb(writing: WriteState, resource: str, shown: list[str]) -> Steps[bool]:
    """Change the first item of a page and delete the last one, own ones only; returns whether one was deleted.

    A deletion and a creation at once would cancel each other out for cursors that count.
    """
    delete, update = writing.operation(resource, "delete"), writing.operation(resource, "update")
    own = set(writing.owned[resource])
    for id in shown[:1]:
        if update and id in own and len(shown) > 1:
            yield from writing.write(update, id, _first_of(writing, update))
    if delete and shown and shown[-1] in own:
        yield from writing.write(delete, shown[-1])
        return True
    return False


def _first_of(writing: WriteState, update: Operation) -> Body:
    """One text to change is enough: everything else was tried before."""
    body = writing.bodies.changes(update, {})
    texts: Iterator[str] = (name for name, value in body.items() if isinstance(value, str) and writing.stamp in value)
    return {**writing.bodies.least(update), **{name: body[name] for name in list(texts)[:1]}}


def _fresh(writing: WriteState, create: Operation, body: Body) -> Body:
    """`body` with texts that are new, so that none is refused for being taken."""
    fresh = writing.bodies.least(create)
    return {name: fresh.get(name, value) for name, value in body.items()}


def _page(listing: Call, after: str | None) -> Call:
    rest = tuple(pair for pair in listing.query if pair[0] != "first")
    paging = (("first", str(SIZE)), *((("after", after),) if after else ()))
    return Call(listing.operation, Purpose.MOVING_PAGE, listing.path_params, (*rest, *paging))
