"""The lifecycle of findings: new, known, worse, flapping, fixed.

A finding is fixed only after enough samples were rechecked; one that was not rechecked stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from math import ceil, log, sqrt

from whopwatch.checks import Evidence
from whopwatch.checks.acceptance import ACCEPTED_CHECK
from whopwatch.core.finding import Confidence, Finding, FindingState
from whopwatch.core.report import OperationResult, State
from whopwatch.history.profile import OperationProfile
from whopwatch.history.records import FindingRecord, Night, Records
from whopwatch.history.rules import HistoryRules, LifecycleRule
from whopwatch.history.unverified import UNVERIFIED_CHECK

MAX_DIGESTS = 64
"""Different undocumented values of one finding that are remembered."""

RecheckedSamples = Callable[[Finding], int]
"""Returns how many samples of a night could have shown a finding."""


def update_lifecycle(
    records: Records,
    found: Iterable[Finding],
    night: Night,
    rule: LifecycleRule,
    rechecked: RecheckedSamples,
    digests: Mapping[tuple[str, str], frozenset[str]],
    *,
    entries: bool = False,
) -> Iterator[Finding]:
    """Yield tonight's findings with their state, and earlier ones that are fixed or were not seen again.

    `digests` are those of the undocumented values by operation and location. With `entries`, findings about accepted
    entries are updated, without it all others.
    """
    tonight = {finding.fingerprint: finding for finding in found}
    for fingerprint, finding in tonight.items():
        record = records.findings.get(fingerprint)
        values = digests.get((finding.operation, finding.location), frozenset())
        state = FindingState.NEW if record is None else _state_of_known(record, finding, values, night, rule)
        if record is None:
            record = records.findings[fingerprint] = FindingRecord(finding, night.started_at, turns=[night.number])
        record.finding, record.clean = finding, 0
        record.exposure = max(finding.violations, rechecked(finding) or finding.samples)
        record.digests = sorted({*record.digests, *values})[:MAX_DIGESTS]
        # A second night confirms what one sample could only suggest.
        confidence = Confidence.CONFIRMED if state is not FindingState.NEW else finding.confidence
        yield replace(finding, state=state, first_seen=record.first_seen, confidence=confidence)
    for fingerprint, record in records.findings.items():
        if record.is_open and fingerprint not in tonight and (record.finding.check == ACCEPTED_CHECK) is entries:
            yield _not_seen(record, night, rule, rechecked(record.finding))


def _state_of_known(
    record: FindingRecord, finding: Finding, values: frozenset[str], night: Night, rule: LifecycleRule
) -> FindingState:
    """Return the state of a finding that was seen on an earlier night, and reopen its record if it was fixed."""
    came_back = not record.is_open
    if came_back:
        record.is_open = True
        record.turns = _in_window([*record.turns, night.number], night, rule)
    if len(_in_window(record.turns, night, rule)) >= rule.max_turns:
        return FindingState.FLAPPING
    if came_back:
        return FindingState.NEW
    has_new_value = bool(record.digests) and not values <= set(record.digests)
    return FindingState.WORSE if has_new_value or _grew(record.finding, finding, rule) else FindingState.KNOWN


def _not_seen(record: FindingRecord, night: Night, rule: LifecycleRule, samples: int) -> Finding:
    """Return an earlier finding that this night did not show: fixed if enough samples were rechecked, else known."""
    record.clean += samples
    finding = record.finding
    if samples and record.clean >= clean_samples_needed(finding.violations, record.exposure, rule):
        record.is_open = False
        record.turns = _in_window([*record.turns, night.number], night, rule)
        message = f"{finding.operation}: {_fixed_words(finding)} ({record.clean} samples rechecked)."
        return replace(finding, state=FindingState.FIXED, first_seen=record.first_seen, message=message)
    note = f"Not seen in {record.clean} samples since, which may be chance" if record.clean else "Not rechecked since"
    message = f"{finding.message} {note}."
    return replace(finding, state=FindingState.KNOWN, first_seen=record.first_seen, message=message)


def _fixed_words(finding: Finding) -> str:
    if finding.check == UNVERIFIED_CHECK:
        return "verified again"
    return f"{finding.location or 'the response'} is as expected again"


def clean_samples_needed(violations: int, samples: int, rule: LifecycleRule) -> int:
    """Return how many clean samples prove that what `violations` of `samples` showed is gone."""
    share = min(1.0, violations / max(1, samples))
    return 1 if share >= rule.certainty else ceil(log(1 - rule.certainty) / log(1 - share))


def _grew(before: Finding, now: Finding, rule: LifecycleRule) -> bool:
    """Return whether a finding is more severe, or its share of violations grew more than chance explains."""
    if now.severity.rank != before.severity.rank:
        return now.severity.rank < before.severity.rank
    old, new = before.violations / max(1, before.samples), now.violations / max(1, now.samples)
    pooled = (before.violations + now.violations) / max(1, before.samples + now.samples)
    error = sqrt(pooled * (1 - pooled) * (1 / max(1, before.samples) + 1 / max(1, now.samples)))
    return new >= rule.growth * old and new - old > rule.deviations * error


def _in_window(turns: list[int], night: Night, rule: LifecycleRule) -> list[int]:
    return [turn for turn in turns if turn > night.number - rule.window]


def samples_rechecked(
    evidence: Evidence,
    profiles: Mapping[str, OperationProfile],
    results: tuple[OperationResult, ...],
    rules: HistoryRules,
) -> RecheckedSamples:
    """Return a function that counts the samples of this night that could have shown a finding."""
    checked = {result.id for result in results if result.state in (State.VERIFIED, State.DRIFT)}

    def samples(finding: Finding) -> int:
        if finding.operation not in checked:
            return 0
        if finding.check == UNVERIFIED_CHECK:
            return finding.samples
        exchanges = evidence.by_operation.get(finding.operation, ())
        if finding.location.startswith("param:") and finding.check != "memory":
            name = finding.location.removeprefix("param:")
            return sum(exchange.query_value(name) is not None for exchange in exchanges)
        purposes = rules.rechecked_by.get(finding.check)
        if purposes:
            return sum(exchange.purpose in purposes for exchange in exchanges)
        if finding.location.startswith("/"):
            return _samples_at(profiles.get(finding.operation), finding.location)
        return len(evidence.responses.get(finding.operation, ()))

    return samples


def _samples_at(profile: OperationProfile | None, location: str) -> int:
    """Return how often `location`, or the object that would contain it, occurred."""
    if profile is None:
        return 0
    tallies = profile.tallies
    if location in tallies:
        return tallies[location].samples
    parent = location.rpartition("/")[0]
    return tallies[parent].present - tallies[parent].nulls if parent in tallies else len(profile.objects)
