"""The life of findings: new, known, worse, flapping, fixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import ceil, log, sqrt

from whopwatch.core.finding import Confidence, Finding, FindingState
from whopwatch.history.checked import Checked
from whopwatch.history.records import FindingRecord, Night, Records
from whopwatch.history.rules import LifeRule
from whopwatch.history.unverified import UNVERIFIED

ENTRIES = "accepted"
"""The check that holds the list of accepted findings to account."""
DIGESTS = 64
"""Different undocumented values of one place that are told apart."""


def live(
    records: Records,
    found: Iterable[Finding],
    night: Night,
    rule: LifeRule,
    checked: Checked,
    digests: Mapping[tuple[str, str], frozenset[str]],
    *,
    entries: bool = False,
) -> Iterator[Finding]:
    """The findings of a night with what they are to the nights before, and those that were there and are fixed.

    One that was not looked at again, or not often enough, stays known. `digests` are those of the undocumented values
    at each operation and location. With `entries` those about accepted findings live, without it all others.
    """
    told = {finding.fingerprint: finding for finding in found}
    for fingerprint, finding in told.items():
        record = records.findings.get(fingerprint)
        values = digests.get((finding.operation, finding.location), frozenset())
        state = FindingState.NEW if record is None else _returned(record, finding, values, night, rule)
        if record is None:
            record = records.findings[fingerprint] = FindingRecord(finding, night.started_at, turns=[night.number])
        record.finding, record.clean = finding, 0
        record.exposure = max(finding.violations, checked(finding) or finding.samples)
        record.digests = sorted({*record.digests, *values})[:DIGESTS]
        sure = Confidence.CONFIRMED if state is not FindingState.NEW else finding.confidence
        yield replace(finding, state=state, first_seen=record.first_seen, confidence=sure)
    for fingerprint, record in records.findings.items():
        if record.is_open and fingerprint not in told and (record.finding.check == ENTRIES) is entries:
            yield _unseen(record, night, rule, checked(record.finding))


def _returned(
    record: FindingRecord, finding: Finding, values: frozenset[str], night: Night, rule: LifeRule
) -> FindingState:
    """What a finding is that was there before, be it last night or long ago."""
    came_back = not record.is_open
    if came_back:
        record.is_open = True
        record.turns = _recent([*record.turns, night.number], night, rule)
    if len(_recent(record.turns, night, rule)) >= rule.changes:
        return FindingState.FLAPPING
    if came_back:
        return FindingState.NEW
    news = bool(record.digests) and not values <= set(record.digests)
    return FindingState.WORSE if news or _grew(record.finding, finding, rule) else FindingState.KNOWN


def _unseen(record: FindingRecord, night: Night, rule: LifeRule, samples: int) -> Finding:
    """A finding that this night did not show: fixed, where enough was looked at since it was last seen."""
    record.clean += samples
    finding = record.finding
    if samples and record.clean >= needed(finding.violations, record.exposure, rule):
        record.is_open = False
        record.turns = _recent([*record.turns, night.number], night, rule)
        again = (
            "was verified again"
            if finding.check == UNVERIFIED
            else f"{finding.location or 'the answer'} is as expected again"
        )
        message = f"{finding.operation}: {again} ({record.clean} seen)."
        return replace(finding, state=FindingState.FIXED, first_seen=record.first_seen, message=message)
    note = f"Not seen in {record.clean} samples since, which may be chance" if record.clean else "Not looked at since"
    message = f"{finding.message} {note}."
    return replace(finding, state=FindingState.KNOWN, first_seen=record.first_seen, message=message)


def needed(violations: int, samples: int, rule: LifeRule) -> int:
    """How many samples have to be clean before what `violations` of `samples` showed is gone for certain."""
    share = min(1.0, violations / max(1, samples))
    return 1 if share >= rule.certainty else ceil(log(1 - rule.certainty) / log(1 - share))


def _grew(before: Finding, now: Finding, rule: LifeRule) -> bool:
    """Whether it is more severe, or the share of what shows it has clearly grown."""
    if now.severity.rank != before.severity.rank:
        return now.severity.rank < before.severity.rank
    old, new = before.violations / max(1, before.samples), now.violations / max(1, now.samples)
    pooled = (before.violations + now.violations) / max(1, before.samples + now.samples)
    error = sqrt(pooled * (1 - pooled) * (1 / max(1, before.samples) + 1 / max(1, now.samples)))
    return new >= rule.growth * old and new - old > rule.deviations * error


def _recent(turns: list[int], night: Night, rule: LifeRule) -> list[int]:
    return [turn for turn in turns if turn > night.number - rule.window]
