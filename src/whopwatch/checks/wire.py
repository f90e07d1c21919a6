"""Answers that did not arrive whole. A host that cannot be reached at all is no drift; the verdict says so."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.exchange import Failure
from whopwatch.core.finding import Finding, Severity

FAILURES = {
    Failure.WRITE_TIMEOUT: ("D22", Severity.MEDIUM, "status", "the request was not taken in time"),
    Failure.READ_TIMEOUT: ("D22", Severity.MEDIUM, "status", "no answer came in time"),
    Failure.DEADLINE: ("D22", Severity.MEDIUM, "status", "the answer was not complete in time"),
    Failure.RESET: ("D22", Severity.MEDIUM, "status", "the connection was closed before the answer"),
    Failure.INCOMPLETE: ("D22", Severity.MEDIUM, "", "the body ended before its announced length"),
    Failure.PROTOCOL: ("D22", Severity.MEDIUM, "status", "the answer is not HTTP"),
    Failure.TOO_LARGE: ("D22", Severity.MEDIUM, "", "the body is larger than any client should take"),
    Failure.HEADERS_TOO_LARGE: ("D22", Severity.MEDIUM, "status", "the headers are larger than any client should take"),
    Failure.ENCODING: ("D16", Severity.HIGH, "header:content-encoding", "the body is not in the encoding it announces"),
}


def wire(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """One finding for each operation and way of not answering."""
    tally = Tally("wire")
    for operation, exchanges in evidence.by_operation.items():
        for number, exchange in enumerate(exchanges):
            if exchange.failure in FAILURES:
                drift_class, severity, location, what = FAILURES[exchange.failure]
                tally.add(
                    drift_class,
                    severity,
                    operation,
                    location,
                    expected="a complete answer",
                    observed=exchange.failure.value,
                    what=what,
                    witness=number,
                    samples=len(exchanges),
                )
    yield from tally.findings()
