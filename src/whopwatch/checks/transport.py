"""Check that responses arrive complete, and that no operation is slow while the others are not.

An unreachable host is no drift; the verdict reports it. A slow machine or a slow line slows everything down, so only
an operation that is slow in every response, beside others that are not, is reported, and only as info.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Failure
from whopwatch.core.finding import Severity, Source
from whopwatch.core.rule import Rule

MIN_SLOW_SECONDS = 0.5
"""Seconds that any response may take."""
SLOW_FACTOR = 10
"""Times the median of the other operations that a response may take."""
MIN_RESPONSES, MIN_OPERATIONS = 3, 10
"""Responses of the operation, and operations in all, without which nothing is concluded."""
MAX_SLOW_SHARE = 0.1
"""Share of operations that may be slow before the whole target, or the line to it, is slow."""
SLOW = Rule(
    "latency/slow",
    "D22",
    Severity.INFO,
    "responses about as fast as those of {others} other operations",
    "none within {seconds} s",
    "every response takes more than {factor} times the median of the other operations",
    Source.LIVE_LIVE,
)


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


def latency(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report operations whose fastest response is slow beside the median of the others."""
    times = {
        id: sorted(success.exchange.phases.total for success in responses)
        for id, responses in evidence.responses.items()
    }
    usual = {id: median(seconds) for id, seconds in times.items()}
    slow = {
        id
        for id, seconds in times.items()
        if len(seconds) >= MIN_RESPONSES
        and seconds[0] > MIN_SLOW_SECONDS
        and seconds[0] > SLOW_FACTOR * median([other for name, other in usual.items() if name != id] or [seconds[0]])
    }
    if len(times) < MIN_OPERATIONS or len(slow) > MAX_SLOW_SHARE * len(times):
        return
    for id in slow:
        findings.report(
            SLOW,
            id,
            "status",
            sample=0,
            samples=len(times[id]),
            others=len(times) - 1,
            seconds=MIN_SLOW_SECONDS,
            factor=SLOW_FACTOR,
        )
