"""Track how long operations go unverified: what was not checked is not known to be correct."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.core.finding import Confidence, Finding, Severity, Source
from whopwatch.core.report import OperationResult, State
from whopwatch.history.records import OperationRecord, Records
from whopwatch.history.rules import HistoryRules

UNVERIFIED_CHECK = "unverified"


def update_operation_records(
    records: Records, results: tuple[OperationResult, ...], night: int, rules: HistoryRules
) -> None:
    """Add the results of one night to `records`. Operations that were not selected are left as they are."""
    for result in results:
        if result.state is State.NOT_COVERED:
            continue
        record = records.operations.setdefault(result.id, OperationRecord())
        if result.state is State.COULD_NOT_CHECK:
            record.unverified += 1
        else:
            record.unverified, record.verified_night = 0, night
        record.states = [*record.states, result.state][-rules.latency.history :]
        record.latencies = [*record.latencies, result.latency][-rules.latency.history :]


def find_unverified(records: Records, results: tuple[OperationResult, ...], rules: HistoryRules) -> Iterator[Finding]:
    """Yield a finding for each operation not verified for too many nights; `info` if it never was."""
    rule = rules.unverified
    for result in results:
        record = records.operations.get(result.id)
        if record is None or result.state is not State.COULD_NOT_CHECK or record.unverified < rule.nights:
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
