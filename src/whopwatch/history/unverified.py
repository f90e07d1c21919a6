"""Track operations that are no longer verified: not checked for many nights, or refused for a lost permission.

What was not checked is not known to be correct.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whopwatch.checks import Evidence
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Confidence, Finding, Severity, Source
from whopwatch.core.report import OperationResult, State
from whopwatch.history.records import OperationRecord, Records
from whopwatch.history.rules import HistoryRules
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
        if result.state is State.COULD_NOT_CHECK:
            record.unverified += 1
        else:
            record.unverified, record.verified_night = 0, night
        record.states = [*record.states, result.state][-rules.latency.history :]
        record.latencies = [*record.latencies, result.latency][-rules.latency.history :]


def note_turns(records: Records, results: tuple[OperationResult, ...], night: int) -> int | None:
    """Note the checks that had their turn tonight; return within how many nights all had theirs.

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
