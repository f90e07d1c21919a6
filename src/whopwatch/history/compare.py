"""Compare one night with all nights before it, name the source that changed, and add the night to the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from whopwatch.checks import Evidence
from whopwatch.checks.acceptance import ACCEPTED_CHECK, check_entries, mark_accepted
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import Contract
from whopwatch.contract.answered_version import AnsweredVersion
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import INACTIVE, Finding, FindingState, Source
from whopwatch.core.report import BaselineSummary, OperationResult, Report, State, Verdict
from whopwatch.history.absence import drop_oldest_objects, find_trait_changes
from whopwatch.history.aggregate import group_by_cause
from whopwatch.history.lifecycle import (
    PERMISSION_CHECK,
    find_lost_permissions,
    find_unverified,
    note_turns,
    samples_rechecked,
    update_lifecycle,
    update_operation_records,
)
from whopwatch.history.profile import MAGNITUDES, MAX_NAMES, Digests, OperationProfile, profile_answers
from whopwatch.history.records import Night, Records
from whopwatch.history.rules import HistoryRules, history_rules
from whopwatch.history.shifts import find_slowdowns, find_unit_changes
from whopwatch.history.versions import find_version_changes, restart_for_contract
from whopwatch.planning.state import OperationHistory
from whopwatch.run.conclude import EMPTY_LIST_REASON, denied_reason

MAX_NIGHTS = 1000
"""Nights that a baseline lists."""
AS_EXPECTED, AS_OBSERVED, SILENT = "as expected", "as observed", "silent"
"""What a source says: the finding's `expected`, its `observed`, or nothing. These are values of the JSON report."""


def compare_with_history(
    contract: Contract,
    exchanges: Sequence[Exchange],
    report: Report,
    records: Records,
    *,
    accepted: Iterable[AcceptedEntry] = (),
    met: Iterable[tuple[str, str]] = (),
    api_version: AnsweredVersion | None = None,
) -> Report:
    """Return `report` compared with the nights in `records`, and add this night to `records`.

    The report was made from `exchanges`. A night that verified nothing is recorded as such, and its report lists the
    open findings as not rechecked. A night that ended early is compared as far as it went, and is never clean. `met`
    are operations with the undocumented rules that they meet tonight: a later violation of one is a change.
    `api_version` is the version that answered.
    """
    rules = history_rules()
    night = _night(report, records)
    verified = {result.id for result in report.operations if result.state in (State.VERIFIED, State.DRIFT)}
    memory = BaselineSummary(night.number - 1, _last_compared(records))
    memory = replace(memory, restarted=restart_for_contract(records, contract, verified))
    about_versions = find_version_changes(records, api_version, night.started_at)
    update_operation_records(records, report.operations, night.number, rules)
    memory = replace(memory, checks_within_nights=note_turns(records, report.operations, night.number))
    for operation, rule in met:
        if operation in records.operations:
            record = records.operations[operation]
            record.met = sorted({*record.met, rule})
    if not verified:
        records.nights = [*records.nights, night][-MAX_NIGHTS:]
        rows = _rows(records, report.operations, ())
        known = _not_rechecked(contract, report, records, night, tuple(accepted), about_versions)
        return replace(report, memory=memory, operations=rows, findings=(*report.findings, *known))
    evidence = Evidence(contract, exchanges)
    found = _compared(contract, evidence, report, records, night, tuple(accepted), about_versions)
    findings = tuple(attribute_change(finding, records, rules, night.number) for finding in found)
    rows = _rows(records, report.operations, findings)
    compared = report.revised(rows, findings, reason=_reason(report, rows, findings), memory=memory)
    is_complete = compared.verdict is not Verdict.COULD_NOT_CHECK
    night = replace(night, verdict=str(compared.verdict), succeeded=is_complete)
    records.nights = [*records.nights, night][-MAX_NIGHTS:]
    return compared


def _not_rechecked(
    contract: Contract,
    report: Report,
    records: Records,
    night: Night,
    entries: tuple[AcceptedEntry, ...],
    about_versions: list[Finding],
) -> list[Finding]:
    """Return the open findings of earlier nights, for a night that verified nothing.

    Why nothing was verified is the report's reason, so of `about_versions` only what cannot be the cause is added.
    """
    rules, today = history_rules(), date.fromisoformat(report.started_at[:10])
    open_before = [
        finding
        for entries_only in (False, True)
        for finding in update_lifecycle(records, (), night, rules.lifecycle, lambda _: 0, {}, entries=entries_only)
    ]
    grouped = _grouped(contract, open_before, (), entries, today)
    known = [attribute_change(finding, records, rules, night.number) for finding in grouped]
    return [*known, *(finding for finding in about_versions if not finding.breaks)]


def plan_priorities(records: Records, now: datetime) -> dict[str, OperationHistory]:
    """Return for each operation the days since it was last verified, its changes, and the rules that it met."""
    starts = {night.number: datetime.fromisoformat(night.started_at) for night in records.nights}
    first = min(starts.values(), default=now)

    def days(then: datetime) -> float:
        return max(0.0, (now - then).total_seconds() / 86_400)

    return {
        id: OperationHistory(
            days=days(starts.get(record.verified_night, first)), changes=record.changes, met=frozenset(record.met)
        )
        for id, record in records.operations.items()
    }


def _compared(
    contract: Contract,
    evidence: Evidence,
    report: Report,
    records: Records,
    night: Night,
    entries: tuple[AcceptedEntry, ...],
    about_versions: list[Finding],
) -> list[Finding]:
    """Return the findings of a night with their states, grouped by cause, and update the records.

    `about_versions` are findings that have their state already.
    """
    rules = history_rules()
    profiles = {
        id: profile
        for id, profile in profile_answers(contract, evidence, rules.headers, Digests(records.salt)).items()
        if id not in records.operations or not records.operations[id].contract  # the history of another contract
    }
    found, rescaled = _found(report, records, night, profiles, evidence)
    rechecked = samples_rechecked(evidence, profiles, report.operations, rules)
    digests = _undocumented_values(profiles)
    findings = list(update_lifecycle(records, found, night, rules.lifecycle, rechecked, digests))
    _count_changes(records, findings)
    _add_counts(records, profiles, {(finding.operation, finding.location) for finding in rescaled})
    drop_oldest_objects(records.objects, rules.absence.kept_objects)
    today = date.fromisoformat(report.started_at[:10])
    grouped = _grouped(contract, findings, about_versions, entries, today)
    checked = {result.id for result in report.operations if result.state in (State.VERIFIED, State.DRIFT)}
    # An entry without an operation was written by hand: it names anything.
    outdated = check_entries(
        contract,
        entries,
        [*findings, *grouped],
        today,
        lambda entry: not entry.operation or ":" in entry.operation or entry.operation in checked,
    )
    return [
        *grouped,
        *update_lifecycle(records, outdated, night, rules.lifecycle, lambda finding: finding.samples, {}, entries=True),
    ]


def _grouped(
    contract: Contract,
    findings: Iterable[Finding],
    ungrouped: Iterable[Finding],
    entries: tuple[AcceptedEntry, ...],
    today: date,
) -> Sequence[Finding]:
    """Return `findings` grouped by cause, and `ungrouped` as they are.

    Accepted ones are marked before the grouping, which keeps them apart, and after it, because an entry may name a
    group.
    """
    marked = mark_accepted(contract, findings, entries, today)
    return mark_accepted(contract, [*group_by_cause(contract, marked), *ungrouped], entries, today)


def _found(
    report: Report, records: Records, night: Night, profiles: dict[str, OperationProfile], evidence: Evidence
) -> tuple[list[Finding], list[Finding]]:
    """Return the findings of the checks and of the history; and separately those about a changed unit."""
    rules = history_rules()
    covered = {result.id for result in report.operations if result.state is not State.NOT_COVERED}
    shown = {id: profile for id, profile in profiles.items() if id in covered}
    known = {id: record for id, record in records.operations.items() if id in covered}
    rescaled = list(find_unit_changes(records, shown, rules))
    refused = list(find_lost_permissions(records, report.operations, evidence))
    traits = list(find_trait_changes(records, shown, rules, night))
    found = [
        *report.findings,
        *(finding for finding in traits if not _is_retyped(finding, report)),
        *rescaled,
        *find_slowdowns(known, rules.latency),
        *refused,
        *find_unverified(records, report.operations, rules, {finding.operation for finding in refused}),
    ]
    return _most_severe(found), rescaled


def _is_retyped(finding: Finding, report: Report) -> bool:
    """Return whether the value of a finding has another type now: that explains what else changed in it."""
    retyped = [
        one.location for one in report.findings if one.drift_class == "D7" and one.operation == finding.operation
    ]
    return any(finding.location == place or finding.location.startswith(f"{place}/") for place in retyped)


def _night(report: Report, records: Records) -> Night:
    number = records.nights[-1].number + 1 if records.nights else 1
    return Night(number, report.started_at, report.seconds, report.target, str(report.verdict), report.sent, False)


def _last_compared(records: Records) -> str | None:
    """Return when the last night started that verified something (UTC): nothing is compared with any other night."""
    latest = max((record.verified_night for record in records.operations.values()), default=0)
    return next((night.started_at for night in records.nights if night.number == latest), None)


def _most_severe(findings: Iterable[Finding]) -> list[Finding]:
    """Return the most severe of the findings with one fingerprint."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        known = kept.get(finding.fingerprint)
        if known is None or finding.severity.rank < known.severity.rank:
            kept[finding.fingerprint] = finding
    return list(kept.values())


def _count_changes(records: Records, findings: Iterable[Finding]) -> None:
    """Count the operations that changed; the next plan gives them priority."""
    changed = {
        finding.operation
        for finding in findings
        if finding.state in (FindingState.NEW, FindingState.FIXED, FindingState.WORSE)
    }
    for operation in changed & records.operations.keys():
        records.operations[operation].changes += 1


def _undocumented_values(profiles: dict[str, OperationProfile]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the digests of undocumented enum values by operation and location."""
    return {
        (operation, location): frozenset(name for name in tally.kinds["values"] if name.startswith("#"))
        for operation, profile in profiles.items()
        for location, tally in profile.tallies.items()
        if "values" in tally.kinds
    }


def _add_counts(records: Records, profiles: dict[str, OperationProfile], rescaled: set[tuple[str, str]]) -> None:
    """Add the counts of this night to those of all nights.

    The magnitudes of `rescaled` locations are left out: mixed units would hide the change from the next night.
    """
    for operation, profile in profiles.items():
        for location, tally in profile.tallies.items():
            sums = records.tallies.setdefault((operation, location), {})
            seen = Counter({"samples": tally.samples, "present": tally.present, "nulls": tally.nulls})
            for kind, counts in {"seen": seen, **tally.kinds}.items():
                if kind == MAGNITUDES and (operation, location) in rescaled:
                    continue
                total = sums.setdefault(kind, Counter())
                for name, count in counts.items():
                    total[name if name in total or len(total) < MAX_NAMES else "others"] += count


def _reason(report: Report, rows: Iterable[OperationResult], findings: Iterable[Finding]) -> str | None:
    """Return why the night is incomplete, without the denied operations that a finding is about.

    Such a finding decides the verdict by itself: it is drift until it is accepted.
    """
    if report.reason is None or report.reason != denied_reason(report.operations):
        return report.reason
    about = [finding for finding in findings if finding.check == PERMISSION_CHECK]
    known = {place.operation for finding in about for place in finding.places} | {one.operation for one in about}
    return denied_reason(row for row in rows if row.id not in known)


def _rows(
    records: Records, results: tuple[OperationResult, ...], findings: Iterable[Finding]
) -> tuple[OperationResult, ...]:
    """Return the rows with their history, and in the state that the findings of all nights give them."""
    # True for an open finding, False for an accepted one.
    broken: dict[str, bool] = {}
    refused: set[str] = set()
    for finding in findings:
        if finding.state is not FindingState.FIXED and finding.severity != "info":
            is_open = finding.state not in INACTIVE
            for operation in {place.operation for place in finding.places} or {finding.operation}:
                broken[operation] = broken.get(operation, False) or is_open
                if finding.check == PERMISSION_CHECK and is_open:
                    refused.add(operation)
    return tuple(_row(result, records, broken.get(result.id), result.id in refused) for result in results)


def _row(result: OperationResult, records: Records, broken: bool | None, is_refused: bool) -> OperationResult:
    record = records.operations.get(result.id)
    if record is None or result.state is State.NOT_COVERED:
        return result
    if result.reason == EMPTY_LIST_REASON and record.verified_night:
        result = replace(result, reason=f"{EMPTY_LIST_REASON}; {_items_before(records, record.verified_night)}")
    if broken is not None and result.state in (State.VERIFIED, State.DRIFT):
        reason = None if broken else "all findings are accepted"
        result = replace(result, state=State.DRIFT, reason=reason)
        record.states[-1] = State.DRIFT
    elif is_refused and result.state is State.COULD_NOT_CHECK:
        # The reason stays: it names the permission. Other open findings do not apply here, they were not rechecked.
        result = replace(result, state=State.DRIFT)
        record.states[-1] = State.DRIFT
    if result.state is State.VERIFIED:
        record.matched_night = record.verified_night  # this night
    history, latencies = tuple(record.states), tuple(record.latencies)
    return replace(result, history=history, latencies=latencies)


def _items_before(records: Records, night: int) -> str:
    """Return what an earlier night with items says about a list that is empty now. It is no drift: both are allowed."""
    started = next((one.started_at[:10] for one in records.nights if one.number == night), "an earlier night")
    return f"it had items on {started}: they were deleted, or the key no longer sees them"


def attribute_change(finding: Finding, records: Records, rules: HistoryRules, night: int) -> Finding:
    """Return `finding` with what each source says and, in `moved`, the source that changed.

    The reference and the SDK are silent on what they do not specify, the last night on what it did not check.
    """
    promised_by = () if finding.rule in rules.undocumented else rules.promised_by.get(finding.check, ())
    says = {source: AS_EXPECTED if source in promised_by else SILENT for source in ("reference", "sdk")}
    says["live"] = AS_EXPECTED if finding.state is FindingState.FIXED else AS_OBSERVED
    says["last night"] = _last_night(finding, records, night)
    return replace(finding, witnesses=says, moved=_changed_source(says, finding))


def _last_night(finding: Finding, records: Records, night: int) -> str:
    """Return what the night before showed: the opposite if the finding is new and its operation was verified."""
    if finding.state is not FindingState.NEW:
        return AS_OBSERVED
    operations = {place.operation for place in finding.places} or {finding.operation}
    known = any(_was_verified(records, operation, night) for operation in operations)
    return AS_EXPECTED if known or finding.source is Source.LIVE_LIVE else SILENT


def _was_verified(records: Records, operation: str, night: int) -> bool:
    """Return whether a night before this one verified the operation."""
    record = records.operations.get(operation)
    return record is not None and night > 1 and any(state == "verified" for state in record.states[:-1])


def _changed_source(says: Mapping[str, str], finding: Finding) -> str | None:
    """Return the source that changed; None if it was always so, or it cannot be known."""
    if finding.check == ACCEPTED_CHECK:
        return None
    return "live" if says["live"] != says["last night"] and says["last night"] != SILENT else None
