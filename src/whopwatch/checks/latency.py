"""Check that no operation is slow while the others are not.

A slow machine or a slow line slows everything down. Only an operation that is slow in every response, beside others
that are not, is reported, and only as info.
"""

from __future__ import annotations

from statistics import median

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.finding import Severity, Source
from whopwatch.core.rule import Rule

MIN_SLOW_SECONDS = 0.5
"""Seconds that any response may take."""
FACTOR = 10
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
        and seconds[0] > FACTOR * median([other for name, other in usual.items() if name != id] or [seconds[0]])
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
            factor=FACTOR,
        )
