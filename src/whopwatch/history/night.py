"""One night: what was observed and judged, held against all nights before, and remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from whopwatch.checks import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import INACTIVE, Finding, FindingState
from whopwatch.core.report import BaselineSummary, OperationResult, Report, State, Verdict
from whopwatch.history.accepted import Entry, about_entries, accept
from whopwatch.history.causes import grouped
from whopwatch.history.checked import checked_by
from whopwatch.history.describe import Digests
from whopwatch.history.latency import slower
from whopwatch.history.life import live
from whopwatch.history.records import Night, Records
from whopwatch.history.rules import rules
from whopwatch.history.sight import MAGNITUDES, VALUES, Sight, look
from whopwatch.history.traits import compare, forget
from whopwatch.history.units import other_units
from whopwatch.history.unverified import follow, unverified
from whopwatch.history.witnesses import with_witnesses

NIGHTS = 1000
"""Nights that are listed in a baseline."""


def remember(
    contract: Contract,
    exchanges: Sequence[Exchange],
    report: Report,
    records: Records,
    *,
    accepted: Iterable[Entry] = (),
) -> Report:
    """`report` compared with the nights in `records`, which afterwards hold this one as well.

    `exchanges` are what the report was judged from. Of a night that saw nothing only that is remembered; one that
    ended early is compared as far as it went, and is not clean.
    """
    declared = rules()
    night = _night(report, records)
    memory = BaselineSummary(night.number - 1, records.nights[-1].started_at if records.nights else None)
    follow(records, report.operations, night.number, declared)
    if not any(result.state in (State.VERIFIED, State.DRIFT) for result in report.operations):
        records.nights = [*records.nights, night][-NIGHTS:]
        return replace(report, memory=memory, operations=_rows(records, report.operations, ()))
    told = _told(contract, Evidence(contract, exchanges), report, records, night, tuple(accepted))
    findings = tuple(with_witnesses(finding, records, declared, night.number) for finding in told)
    rows = _rows(records, report.operations, findings)
    verdict = _verdict(report, findings)
    night = replace(night, verdict=str(verdict), succeeded=verdict is not Verdict.COULD_NOT_CHECK)
    records.nights = [*records.nights, night][-NIGHTS:]
    return replace(report, findings=findings, operations=rows, verdict=verdict, memory=memory)


def _told(
    contract: Contract, evidence: Evidence, report: Report, records: Records, night: Night, entries: tuple[Entry, ...]
) -> list[Finding]:
    """The findings of a night, each with its state, put together by cause. The records take in what it saw."""
    declared = rules()
    sights = look(contract, evidence, declared, Digests(records.salt))
    found, moved = _found(report, records, night, sights)
    checked = checked_by(evidence, sights, report.operations, declared)
    lived = list(live(records, found, night, declared.life, checked, _undocumented(sights)))
    _count_changes(records, lived)
    _add_up(records, sights, {(finding.operation, finding.location) for finding in moved})
    forget(records.objects, declared.evidence.objects)
    today = date.fromisoformat(report.started_at[:10])
    told = accept(grouped(contract, accept(lived, entries, today)), entries, today)
    about = about_entries(entries, [*lived, *told], today)
    return [*told, *live(records, about, night, declared.life, lambda finding: finding.samples, {}, entries=True)]


def _found(
    report: Report, records: Records, night: Night, sights: dict[str, Sight]
) -> tuple[list[Finding], list[Finding]]:
    """What the checks and the rules of the memory find; by themselves, the numbers that are in another unit."""
    declared = rules()
    covered = {result.id for result in report.operations if result.state is not State.NOT_COVERED}
    shown = {id: sight for id, sight in sights.items() if id in covered}
    known = {id: record for id, record in records.operations.items() if id in covered}
    moved = list(other_units(records, shown, declared))
    found = [
        *report.findings,
        *compare(records, shown, declared, night),
        *moved,
        *slower(known, declared.latency),
        *unverified(records, report.operations, declared),
    ]
    return _worst(found), moved


def _night(report: Report, records: Records) -> Night:
    number = records.nights[-1].number + 1 if records.nights else 1
    return Night(number, report.started_at, report.seconds, report.target, str(report.verdict), report.sent, False)


def _verdict(report: Report, findings: Iterable[Finding]) -> Verdict:
    """Drift that is open; else what the night came to by itself, were it not for drift that is over."""
    if any(finding.breaks for finding in findings):
        return Verdict.DRIFT
    ended_early = report.verdict is Verdict.COULD_NOT_CHECK or report.reason is not None
    return Verdict.COULD_NOT_CHECK if ended_early else Verdict.CLEAN


def _worst(findings: Iterable[Finding]) -> list[Finding]:
    """Of findings with one fingerprint the worst."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        known = kept.get(finding.fingerprint)
        if known is None or finding.severity.rank < known.severity.rank:
            kept[finding.fingerprint] = finding
    return list(kept.values())


def _count_changes(records: Records, lived: Iterable[Finding]) -> None:
    """How often an operation changed: what the next plan begins with."""
    changed = {
        finding.operation
        for finding in lived
        if finding.state in (FindingState.NEW, FindingState.FIXED, FindingState.WORSE)
    }
    for operation in changed & records.operations.keys():
        records.operations[operation].changes += 1


def _undocumented(sights: dict[str, Sight]) -> dict[tuple[str, str], frozenset[str]]:
    """The digests of values that no enum documents, by operation and location."""
    return {
        (operation, location): frozenset(name for name in tally.kinds["values"] if name.startswith("#"))
        for operation, sight in sights.items()
        for location, tally in sight.tallies.items()
        if "values" in tally.kinds
    }


def _add_up(records: Records, sights: dict[str, Sight], moved: set[tuple[str, str]]) -> None:
    """Add what this night counted to what all nights did; numbers that `moved` to another unit stay apart."""
    for operation, sight in sights.items():
        for location, tally in sight.tallies.items():
            sums = records.tallies.setdefault((operation, location), {})
            seen = Counter({"samples": tally.samples, "present": tally.present, "nulls": tally.nulls})
            for kind, counts in {"seen": seen, **tally.kinds}.items():
                if kind == MAGNITUDES and (operation, location) in moved:
                    continue
                total = sums.setdefault(kind, Counter())
                for name, count in counts.items():
                    total[name if name in total or len(total) < VALUES else "others"] += count


def _rows(
    records: Records, results: tuple[OperationResult, ...], findings: Iterable[Finding]
) -> tuple[OperationResult, ...]:
    """The rows with their history, and in the state that the memory knows them to be in."""
    broken: dict[str, bool] = {}
    for finding in findings:
        if finding.state is not FindingState.FIXED and finding.severity != "info":
            for operation in {place.operation for place in finding.places} or {finding.operation}:
                broken[operation] = broken.get(operation, False) or finding.state not in INACTIVE
    return tuple(_row(result, records, broken.get(result.id)) for result in results)


def _row(result: OperationResult, records: Records, broken: bool | None) -> OperationResult:
    record = records.operations.get(result.id)
    if record is None or result.state is State.NOT_COVERED:
        return result
    if broken is not None and result.state in (State.VERIFIED, State.DRIFT):
        reason = None if broken else "its drift was accepted"
        result = replace(result, state=State.DRIFT, reason=reason)
        record.states[-1] = State.DRIFT
    history, latencies = tuple(record.states), tuple(record.latencies)
    return replace(result, history=history, latencies=latencies)
