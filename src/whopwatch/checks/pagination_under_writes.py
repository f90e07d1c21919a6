"""Check traversals during which the run itself wrote to the list: invariants 42 and 46 to 49."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.write_effects import WriteEffects
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.list_rules import (
    CHANGED_SHOWN_THRICE,
    DELETED_CURSOR_REJECTED,
    SKIPPED_WHILE_WRITING,
    TWICE_WHILE_WRITING,
)
from whopwatch.oracle.page import ListPage, ListViolation
from whopwatch.oracle.written_object import expected_of


@dataclass
class WrittenIds:
    """The ids of what was created, changed and deleted."""

    created: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


@dataclass
class DisturbedTraversal:
    """One traversal: its pages, and what was written between the first and the last of them.

    `own` are the ids that the run had created before, the oldest first; `older` what was there before them.
    """

    own: list[str]
    older: frozenset[str]
    pages: list[ListPage] = field(default_factory=list)
    written: WrittenIds = field(default_factory=WrittenIds)


def pagination_under_writes(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check that unchanged items appear once, created ones at most once, changed ones at most twice."""
    disturbed = [
        id
        for id, exchanges in evidence.by_operation.items()
        if any(exchange.purpose is Purpose.MOVING_PAGE for exchange in exchanges)
    ]
    for operation in disturbed:
        for traversal in _traversals(contract, evidence, operation):
            for rule, location in _violations(traversal):
                first = evidence.index(traversal.pages[0].exchange)
                findings.report(
                    rule,
                    operation,
                    location,
                    sample=first,
                    exchange=traversal.pages[0].exchange,
                    samples=1,
                    unit="traversal",
                )


def _traversals(contract: Contract, evidence: Evidence, id: str) -> Sequence[DisturbedTraversal]:
    """Return the traversals of one list, in their order."""
    resource = contract.operations[id].resource
    own: list[str] = []
    older: frozenset[str] | None = None
    traversals: list[DisturbedTraversal] = []
    since: list[tuple[Operation, Exchange]] = []
    for exchange in evidence.exchanges:
        operation = contract.operations[exchange.operation]
        if operation.id == id and exchange.purpose is Purpose.READ_BACK and older is None:
            older = frozenset(ListPage(exchange).ids)
        elif operation.id == id and exchange.purpose is Purpose.MOVING_PAGE:
            is_first = exchange.query_value("after") is None
            if not is_first and not traversals:
                continue  # a recording that does not begin with a first page
            for write in since:
                _add_write(contract.write_effects, *write, own, WrittenIds() if is_first else traversals[-1].written)
            since.clear()
            if is_first:
                traversals.append(DisturbedTraversal(list(own), older or frozenset()))
            traversals[-1].pages.append(ListPage(exchange))
        elif operation.resource == resource and not operation.is_read and exchange.ok:
            since.append((operation, exchange))
    return traversals


def _add_write(
    effects: WriteEffects, operation: Operation, exchange: Exchange, own: list[str], written: WrittenIds
) -> None:
    expected = expected_of(effects, operation, exchange)
    if expected is None:
        return
    if expected.is_gone:
        own[:] = [id for id in own if id != expected.id]
        written.deleted.add(expected.id)
    elif expected.id in exchange.path_params.values() or expected.id in own:
        written.changed.add(expected.id)
    else:
        own.append(expected.id)
        written.created.add(expected.id)


def _violations(traversal: DisturbedTraversal) -> Iterator[ListViolation]:
    if any(page.exchange.status in (400, 404, 410, 422) for page in traversal.pages[1:]):
        yield ListViolation(DELETED_CURSOR_REJECTED, "param:after")
        return
    if not all(page.usable for page in traversal.pages):
        return
    shown = Counter(id for page in traversal.pages for id in page.ids)
    changed = traversal.written.changed
    if any(count > 1 for id, count in shown.items() if id not in changed):
        yield ListViolation(TWICE_WHILE_WRITING, "/data/*/id")
    if any(shown[id] > 2 for id in changed):
        yield ListViolation(CHANGED_SHOWN_THRICE, "/data/*/id")
    if _skipped(traversal, shown):
        yield ListViolation(SKIPPED_WHILE_WRITING, "/data/*/id")


def _skipped(traversal: DisturbedTraversal, shown: Counter[str]) -> Sequence[str]:
    """Return unchanged items of the run that are missing between items that the traversal shows, newest first."""
    newest_first = list(reversed(traversal.own))
    positions = [position for position, id in enumerate(newest_first) if shown[id]]
    if not positions:
        return ()
    is_past = not traversal.older.isdisjoint(shown) or traversal.pages[-1].info("has_next_page") is not True
    end = len(newest_first) if is_past else positions[-1]
    written = traversal.written.deleted | traversal.written.changed
    return [id for id in newest_first[positions[0] : end] if not shown[id] and id not in written]
