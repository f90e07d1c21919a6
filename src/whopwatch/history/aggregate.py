"""Merge findings that have one root cause, and the reports of several targets.

A cause is a shared schema, a shared object, or a change of the whole API. The same drift at many targets becomes one
finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from whopwatch.checks.acceptance import ACCEPTED_CHECK
from whopwatch.checks.deduplicate import WHOLE_API, Cause, cause_of
from whopwatch.contract import Contract
from whopwatch.core.finding import INACTIVE, Confidence, Finding, FindingState, Occurrence
from whopwatch.core.report import (
    MAX_INCIDENT_ROWS,
    BaselineSummary,
    OperationResult,
    Report,
    State,
    TargetResult,
    Verdict,
    contract_facts,
)

MIN_OPERATIONS = 3
"""Operations that must show the same change before it is reported for the whole API."""
_WORST_VERDICT_FIRST = (Verdict.DRIFT, Verdict.COULD_NOT_CHECK, Verdict.CLEAN)
_WORST_STATE_FIRST = (State.DRIFT, State.COULD_NOT_CHECK, State.VERIFIED, State.NOT_COVERED)
"""What one target could not check is not made up for by what another one verified."""


def group_by_cause(contract: Contract, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, those with one root cause merged, the most severe first.

    Fixed and accepted findings are never merged with open ones.
    """
    causes: dict[tuple[Cause, str], list[Finding]] = defaultdict(list)
    result: list[Finding] = []
    for finding in findings:
        cause = cause_of(contract, finding)
        if cause:
            causes[cause, finding.drift_class].append(finding)
        else:
            result.append(finding)
    for (cause, _), members in causes.items():
        shared = next(part for part in _by_state(members) if part)
        result += [_merge_findings(cause, shared)] if len(shared) >= _min_members(cause) else shared
        result += [member for member in members if member not in shared]
    return sorted(result, key=lambda one: (one.severity.rank, one.operation, one.location, one.drift_class))


def _by_state(members: list[Finding]) -> Iterator[list[Finding]]:
    """Yield the open findings, the accepted ones and the fixed ones."""
    yield [member for member in members if member.state not in INACTIVE]
    for state in (FindingState.ACCEPTED, FindingState.FIXED):
        yield [member for member in members if member.state is state]


def _min_members(cause: Cause) -> int:
    return MIN_OPERATIONS if cause[0] == WHOLE_API else 2


def _merge_findings(cause: Cause, members: list[Finding]) -> Finding:
    """Merge findings; severity and message come from the most severe, every member becomes a place."""
    members = sorted(members, key=lambda one: (one.severity.rank, one.operation, one.location))
    worst = members[0]
    operations = len({member.operation for member in members})
    where = f"{cause[0]} {cause[1]}".removesuffix(" /") if cause[0] != WHOLE_API else cause[1]
    return replace(
        worst,
        operation=cause[0],
        location=cause[1],
        message=f"{where}: same change in {len(members)} places of {operations} operations, "
        f"for example {worst.message}",
        samples=sum(member.samples for member in members),
        violations=sum(member.violations for member in members),
        confidence=Confidence.CONFIRMED,
        first_seen=min((member.first_seen for member in members if member.first_seen), default=None),
        state=common_state({member.state for member in members}),
        accepted=worst.accepted if all(member.accepted == worst.accepted for member in members) else None,
        places=tuple(
            Occurrence(one.operation, one.location, one.fingerprint, one.samples, one.violations) for one in members
        ),
    )


def common_state(states: set[FindingState | None]) -> FindingState | None:
    """Return the state of merged findings: new only if all of them are, worse or flapping if one of them is."""
    if len(states) == 1:
        return next(iter(states))
    return next((state for state in (FindingState.WORSE, FindingState.FLAPPING) if state in states), FindingState.KNOWN)


def aggregate_targets(reports: Mapping[str, Report], failed: Mapping[str, str]) -> Report:
    """Return the reports of several targets, by name, as one. `failed` gives the reason for targets without a report.

    A target that could not be checked is not hidden by others that are clean.
    """
    named = [replace(report, targets=(_result(name, report),)) for name, report in reports.items()]
    without_report = [TargetResult(name, Verdict.COULD_NOT_CHECK, reason, 0, 0) for name, reason in failed.items()]
    return merge_reports(named, without_report)


def merge_reports(parts: Sequence[Report], failed: Sequence[TargetResult] = ()) -> Report:
    """Return the reports of several runs, each of one or more targets, as one; `failed` are targets without a report.

    Several runs of one target become one row.
    """
    parts = [
        report if report.targets else replace(report, targets=(_result(report.target, report),)) for report in parts
    ]
    findings = _findings(parts)
    results = _results([*(result for report in parts for result in report.targets), *failed], findings)
    unchecked = [result.name for result in results if result.verdict is Verdict.COULD_NOT_CHECK]
    reason = f"{len(unchecked)} of {len(results)} targets could not be checked: {', '.join(unchecked)}"
    merged = Report.build(
        _rows(parts),
        findings,
        target=results[0].name if len(results) == 1 else f"{len(results)} targets",
        started_at=min((report.started_at for report in parts), default=datetime.now(UTC)),
        seconds=sum(report.seconds for report in parts),
        sent=sum(report.sent for report in parts),
        budget=sum(report.budget for report in parts),
        unsafe=sum(report.unsafe for report in parts),
        reason=reason if unchecked else None,
        memory=_memory(parts),
        targets=results,
        extra={**_failed_inside(parts), **contract_facts(_contracts(parts))},
    )
    # Findings of earlier nights, at a target that could not be checked, are no drift of this run.
    is_drift = any(not report.is_not_compared and one.breaks for report in parts for one in report.findings)
    return merged if is_drift or not unchecked else replace(merged, verdict=Verdict.COULD_NOT_CHECK)


def _contracts(parts: Sequence[Report]) -> Iterator[Mapping[str, Any]]:
    """Yield what each report says of its contract."""
    for report in parts:
        yield from (one for one in (report.extra.get("contract"), *report.extra.get("contracts", ())) if one)


def _failed_inside(parts: Sequence[Report]) -> dict[str, Any]:
    """Return the incidents inside whopwatch of every run, bounded, as a report lists them."""
    incidents = [incident for report in parts for incident in report.failed_inside]
    return {"incidents": incidents[:MAX_INCIDENT_ROWS]} if incidents else {}


def _result(name: str, report: Report) -> TargetResult:
    breaking = sum(finding.breaks for finding in report.findings)
    states = {str(state): count for state, count in report.count().items()}
    return TargetResult(name, report.verdict, report.reason, report.sent, breaking, states)


def _results(results: Sequence[TargetResult], findings: Sequence[Finding]) -> tuple[TargetResult, ...]:
    """Return one row for each target, by name. A finding of several runs of it is counted once."""
    runs: dict[str, list[TargetResult]] = defaultdict(list)
    for result in results:
        runs[result.name].append(result)
    return tuple(runs[name][0] if len(runs[name]) == 1 else _row_of(runs[name], findings) for name in sorted(runs))


def _row_of(runs: Sequence[TargetResult], findings: Sequence[Finding]) -> TargetResult:
    worst = _worst(runs)
    breaking = sum(finding.breaks and worst.name in finding.targets for finding in findings)
    return replace(worst, sent=sum(run.sent for run in runs), findings=breaking)


def _worst(results: Sequence[TargetResult]) -> TargetResult:
    return min(results, key=lambda result: _WORST_VERDICT_FIRST.index(result.verdict))


def _findings(reports: Sequence[Report]) -> tuple[Finding, ...]:
    """Return one finding for each fingerprint. Fixed and accepted findings are not merged with open ones."""
    groups: dict[tuple[str, FindingState | None], list[Finding]] = defaultdict(list)
    accepted = {one.fingerprint for report in reports for one in report.findings if one.accepted}
    for report in reports:
        names = tuple(result.name for result in report.targets)
        for finding in report.findings:
            if finding.check == ACCEPTED_CHECK and finding.location in accepted:
                continue  # the entry is not outdated: it matches a finding of another target
            inactive = finding.state if finding.state in INACTIVE else None
            groups[finding.fingerprint, inactive].append(replace(finding, targets=finding.targets or names))
    found = [_merge(members) for members in groups.values()]
    return tuple(sorted(found, key=lambda one: (one.severity.rank, one.operation, one.location, one.drift_class)))


def _merge(findings: Sequence[Finding]) -> Finding:
    worst = min(findings, key=lambda finding: finding.severity.rank)
    return replace(
        worst,
        samples=sum(finding.samples for finding in findings),
        violations=sum(finding.violations for finding in findings),
        first_seen=min((finding.first_seen for finding in findings if finding.first_seen), default=None),
        state=common_state({finding.state for finding in findings}),
        targets=tuple(sorted({name for finding in findings for name in finding.targets})),
    )


def _rows(reports: Sequence[Report]) -> tuple[OperationResult, ...]:
    rows: dict[str, list[tuple[str, OperationResult]]] = defaultdict(list)
    for report in reports:
        names = ", ".join(result.name for result in report.targets)
        for row in report.operations:
            rows[row.id].append((names, row))
    return tuple(_row(members) for members in rows.values())


def _row(named: Sequence[tuple[str, OperationResult]]) -> OperationResult:
    """Return one row for the rows of one operation: the worst state, and at which targets it is in that state."""
    members = [row for _, row in named]
    worst = min(members, key=lambda row: _WORST_STATE_FIRST.index(row.state))
    where = sorted({name for name, row in named if row.state is worst.state})
    reason = worst.reason
    if reason and len(where) < len({name for name, _ in named}):
        reason = f"{reason} (at {', '.join(where)})"
    times = [row.latency for row in members if row.latency is not None]
    return replace(
        worst,
        reason=reason,
        requests=sum(row.requests for row in members),
        samples=sum(row.samples for row in members),
        latency=median(times) if times else None,
        history=(),
        latencies=(),
    )


def _memory(reports: Sequence[Report]) -> BaselineSummary | None:
    known = [report.memory for report in reports if report.memory]
    if not known:
        return None
    previous = [memory.previous for memory in known if memory.previous]
    within = [memory.checks_within_nights for memory in known if memory.checks_within_nights]
    restarted = next((memory.restarted for memory in known if memory.restarted), None)
    nights = max(memory.nights for memory in known)
    return BaselineSummary(nights, max(previous, default=None), max(within, default=None), restarted)
