"""Check that reads show what was written, that a write has no other effect, and traversals during writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import WriteEffects, epoch_seconds
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity, Source
from whopwatch.oracle.list_rules import (
    CHANGED_SHOWN_THRICE,
    DELETED_CURSOR_REJECTED,
    SKIPPED_WHILE_WRITING,
    TWICE_WHILE_WRITING,
)
from whopwatch.oracle.page import ListPage, ListViolation, identity
from whopwatch.oracle.written_object import (
    ABSENT,
    NO_FIELDS,
    FieldComparison,
    Fields,
    WriteRecord,
    expected_of,
    write_history,
)


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
    """Check that unchanged items appear once, created ones at most once, changed ones at most twice.

    A list may be ordered by what a change changes: the item then moves, and a traversal sees it before and after.
    """
    disturbed = [
        id
        for id, exchanges in evidence.by_operation.items()
        if any(exchange.purpose is Purpose.MOVING_PAGE for exchange in exchanges)
    ]
    for operation in disturbed:
        for traversal in _traversals(contract, evidence, operation):
            for rule, location in _list_violations(traversal):
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


def _list_violations(traversal: DisturbedTraversal) -> Iterator[ListViolation]:
    # The items that cursors come from are deleted during the traversal: such a cursor has to stay valid.
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
    if _skips(traversal, shown):
        yield ListViolation(SKIPPED_WHILE_WRITING, "/data/*/id")


def _skips(traversal: DisturbedTraversal, shown: Counter[str]) -> bool:
    """Return whether unchanged items of the run are missing between items that the traversal shows."""
    newest_first = list(reversed(traversal.own))
    positions = [position for position, id in enumerate(newest_first) if shown[id]]
    if not positions:
        return False
    # What was there before the run is older than its own items: one of it shows that the traversal is past them all.
    is_past = not traversal.older.isdisjoint(shown) or traversal.pages[-1].info("has_next_page") is not True
    end = len(newest_first) if is_past else positions[-1]
    written = traversal.written.deleted | traversal.written.changed
    return any(not shown[id] and id not in written for id in newest_first[positions[0] : end])


UPDATED = "updated_at"
RECENT_SECONDS = 5.0
"""A last change this recent may be the one before the write: many dates have whole seconds."""
SECOND_OBJECT = Rule(
    "side-effects/second-object",
    "D20",
    Severity.HIGH,
    "one new object",
    "two",
    "it creates a second object, which it does not return",
    Source.LIVE_LIVE,
)
OTHER_OBJECT_CHANGED = Rule(
    "side-effects/other-object-changed",
    "D20",
    Severity.HIGH,
    "one changed object",
    "several",
    "it also changes another object",
    Source.LIVE_LIVE,
)
DATE_UNCHANGED = Rule(
    "side-effects/date-unchanged",
    "D20",
    Severity.LOW,
    "a later date",
    "the same date",
    f"it does not change {UPDATED}",
    Source.LIVE_LIVE,
)


def _rule(name: str, severity: Severity, sentence: str) -> Rule:
    expected, observed = "what was written", "something else"
    return Rule(f"read-back/{name}", "D20", severity, expected, observed, sentence, Source.LIVE_LIVE)


NOT_THERE = _rule("not-there", Severity.CRITICAL, "the written object is not there")
NOT_DELETED = _rule("not-deleted", Severity.CRITICAL, "the deleted object is still there")
NOT_WRITTEN = _rule("not-written", Severity.HIGH, "the write succeeds, but no read shows it")
STALE_RESPONSE = _rule("stale-response", Severity.HIGH, "the write succeeds, but its response shows the old values")
VALUE_NOT_SHOWN = _rule("not-shown", Severity.HIGH, "it does not show what was written")
SHOWN_LATE = _rule("shown-late", Severity.HIGH, "it shows late what was written")


class _WriteViolation(NamedTuple):
    """A broken rule, the operation at fault and the location."""

    rule: Rule
    operation: str
    location: str


def read_back(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare what was read after each write with the write.

    What no read shows, however often it is read, was not written. What one read shows and another one does not, or
    shows late, is the fault of the latter.
    """
    for record in write_history(contract, evidence.exchanges):
        for rule, operation, location in _violations(contract, record):
            findings.report(
                rule, operation, location, sample=record.index, exchange=record.exchange, samples=1, unit="write"
            )


def _violations(contract: Contract, record: WriteRecord) -> Iterator[_WriteViolation]:
    last = {operation: reads[-1] for operation, reads in record.reads.items()}
    response = record.response or FieldComparison(NO_FIELDS, NO_FIELDS)
    unwritten = frozenset(_always_wrong([*last.values()] or [response]))
    shown = frozenset().union(*(read.shown for read in last.values())) or response.shown
    write = record.operation.id
    yield from _located(NOT_WRITTEN, write, record, FieldComparison(shown, unwritten))
    yield from _located(STALE_RESPONSE, write, record, FieldComparison(response.shown, response.wrong - unwritten))
    for operation, reads in record.reads.items():
        reader, now = contract.operations[operation], last[operation]
        late = frozenset().union(*(read.wrong for read in reads)) - now.wrong
        missing = FieldComparison(now.shown, now.wrong - unwritten)
        yield from _located(VALUE_NOT_SHOWN, operation, record, missing, reader)
        yield from _located(SHOWN_LATE, operation, record, FieldComparison(now.shown | {ABSENT}, late), reader)


def _always_wrong(comparisons: Sequence[FieldComparison]) -> Iterator[str]:
    """Yield the fields that are wrong in every response that shows them."""
    for name in frozenset().union(*(comparison.wrong for comparison in comparisons)):
        if all(name in comparison.wrong for comparison in comparisons if name in comparison.shown):
            yield name


def _located(
    rule: Rule, operation: str, record: WriteRecord, comparison: FieldComparison, reader: Operation | None = None
) -> Iterator[_WriteViolation]:
    """Yield one violation for the whole object if all that the write changed is wrong, else one for each field."""
    if ABSENT in comparison.wrong:
        rule = NOT_DELETED if record.expected.is_gone else NOT_THERE
        yield _WriteViolation(rule, operation, _location_of_object(reader))
        return
    prefix = "/data/*" if reader and reader.is_list else ""
    is_whole = comparison.wrong and comparison.wrong >= _changed(record) & comparison.shown
    for name in [""] if is_whole else sorted(comparison.wrong):
        yield _WriteViolation(rule, operation, f"{prefix}{name}")


def _location_of_object(reader: Operation | None) -> str:
    if reader is None:
        return ""
    return "/data" if reader.is_list else "status"


def _changed(record: WriteRecord) -> Fields:
    """Return the fields that the write had to change: all that it sent if the object was not read before."""
    if isinstance(record.before, dict):
        return record.expected.compare(record.before).wrong
    shown = [read.shown for reads in record.reads.values() for read in reads]
    return frozenset().union(*shown, record.response.shown if record.response else ()) - {ABSENT}


def side_effects(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check that a write creates one object, changes no other one, and changes `updated_at`."""
    records = write_history(contract, evidence.exchanges)
    created = {record.expected.id for record in records} | _returned_ids(evidence)
    for record in records:
        broken = {
            "/id": SECOND_OBJECT if _creates_second(record, created) else None,
            "": OTHER_OBJECT_CHANGED if _changes_other(record) else None,
            f"/{UPDATED}": DATE_UNCHANGED if _keeps_date(record) else None,
        }
        for location, rule in broken.items():
            if rule:
                findings.report(
                    rule,
                    record.operation.id,
                    location,
                    sample=record.index,
                    exchange=record.exchange,
                    samples=1,
                    unit="write",
                )


def _returned_ids(evidence: Evidence) -> set[str]:
    """Return the ids in the responses to all writes, including writes that should have been rejected."""
    written = (exchange for exchange in evidence.exchanges if exchange.method == "POST" and exchange.ok)
    values = (exchange.json for exchange in written)
    return {str(value.get("id")) for value in values if isinstance(value, dict)}


def _creates_second(record: WriteRecord, created: set[str]) -> bool:
    """Return whether the list shows another new object with what was sent, which no write returned."""
    if record.exchange.path_params or record.list_before is None or not record.pages:
        return False
    before, after = ListPage(record.list_before), ListPage(record.pages[-1])
    new = [item for item in after.items if identity(item) not in {*before.ids, *created}]
    return any(_shows_all(record, item) for item in new)


def _changes_other(record: WriteRecord) -> bool:
    """Return whether another object of the list shows all that was sent, and did not before."""
    if not record.exchange.path_params or record.list_before is None or not record.pages or not record.reads:
        return False
    known = ListPage(record.list_before).items
    before = {identity(item): item for item in known if identity(item) != record.expected.id}
    others = [item for item in ListPage(record.pages[-1]).items if identity(item) in before]
    return any(_took_over(record, before[identity(item)], item) for item in others)


def _took_over(record: WriteRecord, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(record.expected.compare(before).wrong) and _shows_all(record, after)


def _shows_all(record: WriteRecord, item: Mapping[str, Any]) -> bool:
    """Return whether `item` has all that was written. A single equal field may be an accident."""
    comparison = record.expected.compare(item)
    return len(comparison.shown) > 1 and not comparison.wrong


def _keeps_date(record: WriteRecord) -> bool:
    before, after = record.before, record.after
    if record.expected.is_gone or not isinstance(before, dict) or not isinstance(after, dict):
        return False
    date = before.get(UPDATED)
    return isinstance(date, str) and after.get(UPDATED) == date and not _is_recent(date, record.exchange)


def _is_recent(date: str, exchange: Exchange) -> bool:
    try:
        now = parsedate_to_datetime(exchange.header("date") or "").replace(tzinfo=UTC).timestamp()
        return abs(now - epoch_seconds(date)) < RECENT_SECONDS
    except (TypeError, ValueError):
        return True  # without two readable dates nothing follows
