"""Apply the file of accepted findings to a report, and report its entries that have expired or match no finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date

from whopwatch.checks.deduplicate import cause_fingerprint
from whopwatch.config.accepted import ACCEPTED_FILE, AcceptedEntry
from whopwatch.contract import Contract
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.core.report import OperationResult, Report, State

ACCEPTED_CHECK = "accepted"
"""The check that reports entries of accepted findings that have expired or match nothing."""


def accept_in_report(contract: Contract, report: Report, entries: Iterable[AcceptedEntry]) -> Report:
    """Return `report` with its accepted findings marked, and a finding for each outdated entry.

    For a run without a baseline: `drift` compares first, so that a finding that got worse counts.
    """
    entries, today = tuple(entries), date.fromisoformat(report.started_at[:10])
    if not entries:
        return report
    findings = mark_accepted(contract, report.findings, entries, today)
    checked = {result.id for result in report.operations if result.state in (State.VERIFIED, State.DRIFT)}
    # Without an operation, or for a root cause of many, nothing says whether this run could have shown it.
    outdated = check_entries(contract, entries, findings, today, lambda entry: entry.operation in checked)
    rows = [_row(result, findings) for result in report.operations]
    return report.revised(rows, [*findings, *outdated], reason=report.reason)


def _row(result: OperationResult, findings: Iterable[Finding]) -> OperationResult:
    own = [finding for finding in findings if finding.operation == result.id]
    is_accepted = any(finding.accepted for finding in own) and not any(finding.breaks for finding in own)
    is_drift = result.state is State.DRIFT and is_accepted
    return replace(result, reason="all findings are accepted") if is_drift else result


def mark_accepted(
    contract: Contract, findings: Iterable[Finding], entries: Iterable[AcceptedEntry], today: date
) -> list[Finding]:
    """Return `findings`; the ones that a valid entry names get the state accepted.

    An entry names a finding by its own fingerprint or by that of its root cause. A merged finding is also accepted if
    all of its places are. A finding that got worse stays open: the entry was written for less.
    """
    known = {entry.fingerprint: entry for entry in entries if not entry.has_expired(today)}
    return [_marked(contract, finding, known) for finding in findings] if known else list(findings)


def _marked(contract: Contract, finding: Finding, known: Mapping[str, AcceptedEntry]) -> Finding:
    places = [place.fingerprint for place in finding.places]
    entry = known.get(finding.fingerprint) or known.get(cause_fingerprint(contract, finding) or "")
    if entry is None and places and all(place in known for place in places):
        entry = known[places[0]]
    if entry is None or finding.state in (FindingState.FIXED, FindingState.WORSE):
        return finding
    issue = f" ({entry.issue})" if entry.issue else ""
    return replace(finding, state=FindingState.ACCEPTED, accepted=f"{entry.reason}{issue}")


def check_entries(
    contract: Contract,
    entries: Iterable[AcceptedEntry],
    findings: Iterable[Finding],
    today: date,
    was_checked: Callable[[AcceptedEntry], bool] = lambda entry: True,
) -> list[Finding]:
    """Return a finding of severity `info` for each entry that has expired, and for each that matches no finding.

    `was_checked` says whether the run could have shown what an entry names; if not, nothing follows from its absence.
    """
    present: set[str | None] = set()
    for finding in findings:
        if finding.state is not FindingState.FIXED:
            present.update([finding.fingerprint, *(place.fingerprint for place in finding.places)])
            present.add(cause_fingerprint(contract, finding))
    outdated = []
    for entry in entries:
        if entry.fingerprint not in present and was_checked(entry):
            message = f"no longer occurs. Remove it from {ACCEPTED_FILE}."
            outdated.append(_outdated(entry, "an existing finding", "no finding with this fingerprint", message))
        elif entry.has_expired(today):
            message = f"expired on {entry.expires}. Fix the cause, or accept it again with a later date."
            outdated.append(_outdated(entry, "an expiry date in the future", f"expired on {entry.expires}", message))
    return [one for one in outdated if one.fingerprint not in present]


def _outdated(entry: AcceptedEntry, expected: str, observed: str, message: str) -> Finding:
    return Finding(
        drift_class="D24",
        check=ACCEPTED_CHECK,
        severity=Severity.INFO,
        operation=ACCEPTED_FILE,
        location=entry.fingerprint,
        expected=expected,
        observed=observed,
        message=f"Accepted finding {entry.fingerprint} {message}",
        confidence=Confidence.CONFIRMED,
        source=Source.DOCS_DOCS,
    )
