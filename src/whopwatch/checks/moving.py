"""Walks during which the run itself wrote to the list: invariants 42 and 46 to 49 of a paginated list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity, Source
from whopwatch.oracle.page import ListPage
from whopwatch.oracle.written_object import expected_of


@dataclass
class Touched:
    """The ids of what was created, changed and deleted."""

    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


@dataclass
class Walk:
    """One walk: its pages, and what was written between the first and the last of them.

    `own` are the ids that the run had created before, the oldest first; `older` what was there before them.
    """

    own: list[str]
    older: frozenset[str]
    pages: list[ListPage] = field(default_factory=list)
    touched: Touched = field(default_factory=Touched)


class Broken(NamedTuple):
    """An invariant that does not hold: the place, and the rest of the sentence."""

    location: str
    what: str


def moving(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """What nobody touched appears once, what was created at most once, what was changed at most twice."""
    tally = Tally("moving")
    moved = [
        id
        for id, exchanges in evidence.by_operation.items()
        if any(exchange.purpose is Purpose.MOVING_PAGE for exchange in exchanges)
    ]
    for operation in moved:
        for walk in _walks(contract, evidence, operation):
            for broken in _broken(walk):
                tally.add(
                    "D20",
                    Severity.CRITICAL,
                    operation,
                    broken.location,
                    expected="each item once",
                    observed="otherwise",
                    what=broken.what,
                    witness=evidence.number(walk.pages[0].exchange),
                    samples=1,
                    source=Source.LIVE_LIVE,
                )
    yield from tally.findings()


def _walks(contract: Contract, evidence: Evidence, id: str) -> Sequence[Walk]:
    """The walks of one list, in their order."""
    resource = contract.operations[id].resource
    own: list[str] = []
    older: frozenset[str] | None = None
    walks: list[Walk] = []
    since: list[tuple[Operation, Exchange]] = []
    for exchange in evidence.exchanges:
        operation = contract.operations[exchange.operation]
        if operation.id == id and exchange.purpose is Purpose.READ_BACK and older is None:
            older = frozenset(ListPage(exchange).ids)
        elif operation.id == id and exchange.purpose is Purpose.MOVING_PAGE:
            is_first = exchange.query_value("after") is None
            for write in since:
                _note(contract, *write, own, Touched() if is_first else walks[-1].touched)
            since.clear()
            if is_first:
                walks.append(Walk(list(own), older or frozenset()))
            walks[-1].pages.append(ListPage(exchange))
        elif operation.resource == resource and not operation.is_read and exchange.ok:
            since.append((operation, exchange))
    return walks


def _note(contract: Contract, operation: Operation, exchange: Exchange, own: list[str], touched: Touched) -> None:
    """Take in one write."""
    expected = expected_of(contract.write_effects, operation, exchange)
    if expected is None:
        return
    if expected.is_gone:
        own[:] = [id for id in own if id != expected.id]
        touched.deleted.add(expected.id)
    elif expected.id in exchange.path_params.values() or expected.id in own:
        touched.changed.add(expected.id)
    else:
        own.append(expected.id)
        touched.created.add(expected.id)


def _broken(walk: Walk) -> Iterator[Broken]:
    refused = [page for page in walk.pages[1:] if page.exchange.status in (400, 404, 410, 422)]
    if refused:
        yield Broken("param:after", "the cursor of an item that was deleted since is refused")
        return
    if not all(page.usable for page in walk.pages):
        return
    shown = Counter(id for page in walk.pages for id in page.ids)
    if any(count > 1 for id, count in shown.items() if id not in walk.touched.changed):
        yield Broken("/data/*/id", "an item is shown twice in a walk during which others were written")
    if any(shown[id] > 2 for id in walk.touched.changed):
        yield Broken("/data/*/id", "an item that was changed during a walk is shown more than twice")
    if _skipped(walk, shown):
        yield Broken("/data/*/id", "an item that nobody touched is skipped in a walk during which others were written")


def _skipped(walk: Walk, shown: Counter[str]) -> Sequence[str]:
    """Untouched items of our own that stand between items that the walk did show, as the newest come first."""
    newest_first = list(reversed(walk.own))
    places = [place for place, id in enumerate(newest_first) if shown[id]]
    if not places:
        return ()
    is_past = not walk.older.isdisjoint(shown) or walk.pages[-1].info("has_next_page") is not True
    last = len(newest_first) if is_past else places[-1]
    between = newest_first[places[0] : last]
    return [id for id in between if not shown[id] and id not in walk.touched.deleted | walk.touched.changed]
