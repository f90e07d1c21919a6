"""Check that responses arrive complete. An unreachable host is no drift; the verdict reports it."""

from __future__ import annotations

from collections.abc import Mapping

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Failure
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule


def _rule(failure: Failure, sentence: str, drift_class: str = "D22", severity: Severity = Severity.MEDIUM) -> Rule:
    return Rule(f"wire/{failure.value}", drift_class, severity, "a complete response", failure.value, sentence)


FAILURES: Mapping[Failure, tuple[Rule, str]] = {
    Failure.WRITE_TIMEOUT: (_rule(Failure.WRITE_TIMEOUT, "the request was not accepted in time"), "status"),
    Failure.READ_TIMEOUT: (_rule(Failure.READ_TIMEOUT, "no response arrived in time"), "status"),
    Failure.DEADLINE: (_rule(Failure.DEADLINE, "the response was not complete in time"), "status"),
    Failure.RESET: (_rule(Failure.RESET, "the connection was closed before the response"), "status"),
    Failure.INCOMPLETE: (_rule(Failure.INCOMPLETE, "the body ended before its announced length"), ""),
    Failure.PROTOCOL: (_rule(Failure.PROTOCOL, "the response is not HTTP"), "status"),
    Failure.TOO_LARGE: (_rule(Failure.TOO_LARGE, "the body is larger than a client should accept"), ""),
    Failure.HEADERS_TOO_LARGE: (
        _rule(Failure.HEADERS_TOO_LARGE, "the headers are larger than a client should accept"),
        "status",
    ),
    Failure.ENCODING: (
        _rule(Failure.ENCODING, "the body does not have the encoding it announces", "D16", Severity.HIGH),
        "header:content-encoding",
    ),
}
"""The rule that each failure of a transfer breaks, and the location."""


def transport_errors(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each kind of failed transfer once for each operation."""
    for operation, exchanges in evidence.by_operation.items():
        for number, exchange in enumerate(exchanges):
            if exchange.failure and exchange.failure in FAILURES:
                rule, location = FAILURES[exchange.failure]
                findings.report(
                    rule, operation, location, sample=number, exchange=exchange, samples=len(exchanges), unit="request"
                )
