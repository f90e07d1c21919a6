"""What a write does besides: to other objects, to the date of the last change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.list_behaviour import epoch_seconds
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding, Severity, Source
from whopwatch.oracle.page import ListPage, identity
from whopwatch.oracle.write_history import WriteRecord, write_history

UPDATED = "updated_at"
SECONDS = 5.0
"""A last change as recent as this may be the change before: dates are often of whole seconds."""


def side_effects(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """A write makes one object, changes no other one, and moves `updated_at` on."""
    tally = Tally("side-effects")
    found = write_history(contract, evidence.exchanges)
    made = {episode.expected.id for episode in found} | _answered(evidence)
    for episode in found:
        if _made_twice(episode, made):
            _add(tally, episode, "/id", "one new object", "two", "makes another object besides the one it answers")
        if _spreads(episode):
            _add(tally, episode, "", "one changed object", "several", "changes another object, too")
        if _keeps_date(episode):
            _add(tally, episode, f"/{UPDATED}", "a later date", "the same date", f"leaves {UPDATED} as it was")
    yield from tally.findings()


def _add(tally: Tally, episode: WriteRecord, place: str, expected: str, observed: str, what: str) -> None:
    tally.add(
        "D20",
        Severity.LOW if place == f"/{UPDATED}" else Severity.HIGH,
        episode.operation.id,
        place,
        expected=expected,
        observed=observed,
        what=what,
        witness=episode.index,
        samples=1,
        source=Source.LIVE_LIVE,
    )


def _answered(evidence: Evidence) -> set[str]:
    """The ids in the answers to all writes, those included that should have been refused."""
    written = (exchange for exchange in evidence.exchanges if exchange.method == "POST" and exchange.ok)
    values = (exchange.json for exchange in written)
    return {str(value.get("id")) for value in values if isinstance(value, dict)}


def _made_twice(episode: WriteRecord, made: set[str]) -> bool:
    """Whether the list shows another new object with what was sent, which no write was answered with."""
    if episode.exchange.path_params or episode.list_before is None or not episode.pages:
        return False
    before, after = ListPage(episode.list_before), ListPage(episode.pages[-1])
    new = [item for item in after.items if identity(item) not in {*before.ids, *made}]
    return any(_has_all(episode, item) for item in new)


def _spreads(episode: WriteRecord) -> bool:
    """Whether another object of the list shows all that was sent, and did not before."""
    if not episode.exchange.path_params or episode.list_before is None or not episode.pages or not episode.reads:
        return False
    known = ListPage(episode.list_before).items
    before = {identity(item): item for item in known if identity(item) != episode.expected.id}
    others = [item for item in ListPage(episode.pages[-1]).items if identity(item) in before]
    return any(_took_over(episode, before[identity(item)], item) for item in others)


def _took_over(episode: WriteRecord, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(episode.expected.compare(before).wrong) and _has_all(episode, after)


def _has_all(episode: WriteRecord, item: Mapping[str, Any]) -> bool:
    sighting = episode.expected.compare(item)
    return len(sighting.shown) > 1 and not sighting.wrong


def _keeps_date(episode: WriteRecord) -> bool:
    before, after = episode.before, episode.after
    if episode.expected.is_gone or not isinstance(before, dict) or not isinstance(after, dict):
        return False
    date = before.get(UPDATED)
    return isinstance(date, str) and after.get(UPDATED) == date and not _is_recent(date, episode.exchange)


def _is_recent(date: str, exchange: Exchange) -> bool:
    try:
        now = parsedate_to_datetime(exchange.header("date") or "").replace(tzinfo=UTC).timestamp()
        return abs(now - epoch_seconds(date)) < SECONDS
    except (TypeError, ValueError):
        return True
