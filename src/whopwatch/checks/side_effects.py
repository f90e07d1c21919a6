"""Check what else a write does: to other objects, and to the date of the last change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.contract.list_behaviour import epoch_seconds
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Severity, Source
from whopwatch.core.rule import Rule
from whopwatch.oracle.page import ListPage, identity
from whopwatch.oracle.write_history import WriteRecord, write_history

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
        return True
