"""The lifecycle of findings (new, known, worse, flapping, fixed), and operations that are no longer verified.

A finding is fixed only after enough samples were rechecked; one that was not rechecked stays open.

What was not checked is not known to be correct.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from math import ceil, log, sqrt

from whopwatch.checks import Evidence
from whopwatch.checks.acceptance import ACCEPTED_CHECK
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.core.report import OperationResult, State
from whopwatch.history.profile import OperationProfile
from whopwatch.history.records import FindingRecord, Night, OperationRecord, Records
from whopwatch.history.rules import HistoryRules, LifecycleRule
from whopwatch.run.conclude import NOTHING_TO_REQUEST

UNVERIFIED_CHECK = "unverified"
PERMISSION_CHECK = "permission"
_DOCUMENTED_REQUESTS = (Purpose.LIST, Purpose.RETRIEVE, Purpose.WRITE)


def update_operation_records(
    records: Records, results: tuple[OperationResult, ...], night: int, rules: HistoryRules
) -> None:
    """Add the results of one night to `records`. Operations that were not selected are left as they are."""
    for result in results:
        if result.state is State.NOT_COVERED:
            continue
        record = records.operations.setdefault(result.id, OperationRecord())
        if result.state is State.COULD_NOT_CHECK or result.denied:
            record.unverified += 1
        else:
            record.unverified, record.verified_night = 0, night
        record.states = [*record.states, result.state][-rules.latency.history :]
        record.latencies = [*record.latencies, result.latency][-rules.latency.history :]


def note_turns(records: Records, results: tuple[OperationResult, ...], night: int) -> int | None:
    """Record the checks that ran tonight; return within how many nights all of them ran.

    A check that no request could be made for counts as run. Operations that were not verified are left out:
    they are reported as such.
    """
    waited: list[int] = []
    for result in results:
        if result.state not in (State.VERIFIED, State.DRIFT) or not result.checks_total:
            continue
        checked = records.operations[result.id].checked
        for check in result.checks_run:
            checked[check] = night
        for check, reason in result.checks_open.items():
            if reason == NOTHING_TO_REQUEST:
                checked[check] = night
            checked.setdefault(check, night - 1)
        waited += (night - checked[check] + 1 for check in (*result.checks_run, *result.checks_open))
    return max(waited, default=None)


def find_lost_permissions(
    records: Records, results: tuple[OperationResult, ...], evidence: Evidence
) -> Iterator[Finding]:
    """Yield a finding for each operation that refuses the key now (401 or 403), and did not on an earlier night.

    Either the key lost a permission, or the API requires a new one. It has the fingerprint of the `info` finding of the
    check `refused`, which cannot know that the operation used to work. Operations that the user allows to stay
    unchecked have none.
    """
    for result in results:
        record = records.operations.get(result.id)
        if record is None or not record.verified_night or not result.denied:
            continue
        sent = [
            exchange
            for exchange in evidence.by_operation.get(result.id, ())
            if exchange.purpose in _DOCUMENTED_REQUESTS and exchange.credential == "key"
        ]
        refusals = [exchange for exchange in sent if exchange.status in (401, 403)]
        if not refusals or refusals[-1] is not sent[-1]:
            continue
        nights = {night.number: night.started_at[:10] for night in records.nights}
        before = f"allowed on {nights.get(record.verified_night, 'an earlier night')}"
        reason = result.reason or f"{refusals[-1].status}: the API rejected the key for this operation"
        yield Finding(
            drift_class="D17",
            check=PERMISSION_CHECK,
            severity=Severity.HIGH,
            operation=result.id,
            location="header:authorization",
            expected=f"a successful response ({before})",
            observed=str(refusals[-1].status),
            message=f"{result.id}: refused now, {before}. {reason}.",
            samples=len(sent),
            violations=len(refusals),
            confidence=Confidence.CONFIRMED,
            source=Source.LIVE_LIVE,
        )


def find_unverified(
    records: Records,
    results: tuple[OperationResult, ...],
    rules: HistoryRules,
    explained: Collection[str] = (),
) -> Iterator[Finding]:
    """Yield a finding for each operation not verified for too many nights; `info` if it never was.

    Operations in `explained` have a finding already that says why they are not verified.
    """
    rule = rules.unverified
    for result in results:
        record = records.operations.get(result.id)
        if record is None or result.state is not State.COULD_NOT_CHECK or record.unverified < rule.nights:
            continue
        if result.id in explained:
            continue
        reason = result.reason or "no reason given"
        yield Finding(
            drift_class=rule.drift_class,
            check=UNVERIFIED_CHECK,
            severity=rule.severity if record.verified_night else Severity.INFO,
            operation=result.id,
            location="status",
            expected=f"verified on one of {rule.nights} nights",
            observed=reason,
            message=f"{result.id}: not verified on the last {record.unverified} nights: {reason}.",
            samples=record.unverified,
            violations=record.unverified,
            confidence=Confidence.CONFIRMED,
            source=Source.LIVE_CONTRACT,
        )


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
