"""Whether requests that keep the documentation get a documented status."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import MISTAKES, Evidence
from whopwatch.checks.refusals import MISTAKES as REFUSED
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding, Severity

GONE = (405, 410, 501)
Judgement = tuple[str, Severity, str, str]
"""Drift class, severity, what was expected, and the rest of the sentence."""


def status(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Statuses that are not documented, failures of the server and redirects."""
    tally = Tally("status")
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        allowed = contract.documents[operation.api].get("x-rate-limit", {}).get("requests", 0)
        for number, exchange in enumerate(exchanges):
            judged = _judge(operation, exchange) or _limited(exchange, len(exchanges), allowed)
            if judged:
                drift_class, severity, expected, what = judged
                tally.add(
                    drift_class,
                    severity,
                    id,
                    "status",
                    expected=expected,
                    observed=str(exchange.status),
                    what=what,
                    witness=number,
                    samples=len(exchanges),
                )
    yield from tally.findings()


def _limited(exchange: Exchange, asked: int, allowed: int) -> Judgement | None:
    """A 429 although the whole run asked for less than the documented limit lets through in its window."""
    if exchange.status == 429 and asked < allowed:
        return "D22", Severity.MEDIUM, "no 429 below the documented limit", "it answers 429 below the documented limit"
    return None


def _judge(operation: Operation, exchange: Exchange) -> Judgement | None:
    status = exchange.status
    success = str(operation.success.status)
    if status is None or (status in operation.responses and status < 500):
        return None
    if status >= 500 and status not in GONE:
        if exchange.purpose in MISTAKES or exchange.credential != "key":
            return "D15", Severity.HIGH, "a documented error", f"it fails with status {status} where it has to refuse"
        return "D14", Severity.HIGH, success, f"the server fails with status {status}"
    if exchange.credential != "key":
        return None
    if 200 <= status < 300 and exchange.purpose in REFUSED:
        return None  # that it is no refusal is the refusals check's to report
    if 200 <= status < 300:
        return "D14", Severity.MEDIUM, success, f"status {status} is a success that is not documented"
    if 300 <= status < 400:
        return "D22", Severity.MEDIUM, success, f"status {status} sends the client elsewhere; it was not followed"
    if status in GONE:
        return "D1", Severity.CRITICAL, success, f"status {status} says that there is no such operation"
    return "D15", Severity.HIGH, "a documented status", f"status {status} is not documented"
