"""Whether one operation is slow while the others are not.

A slow machine, or a slow line, slows everything down alike: only what is slow each time, beside others that are not,
is told, and as something worth knowing.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Severity, Source

SECONDS = 0.5
"""What a single answer may take without a word."""
TIMES = 10
"""So many times the median of the other operations."""
ANSWERS, OPERATIONS = 3, 10
"""Answers of the operation, and other operations, without which nothing is said."""
RARE = 0.1
"""The share of operations that may be slow before it is the whole that is slow."""


def latency(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report operations whose fastest answer is slow beside the median answer of the others."""
    tally = Tally("latency")
    times = {id: sorted(answer.exchange.phases.total for answer in answers) for id, answers in evidence.answers.items()}
    usual = {id: median(seconds) for id, seconds in times.items()}
    slow = {
        id
        for id, seconds in times.items()
        if len(seconds) >= ANSWERS
        and seconds[0] > SECONDS
        and seconds[0] > TIMES * median([other for name, other in usual.items() if name != id] or [seconds[0]])
    }
    if len(times) < OPERATIONS or len(slow) > RARE * len(times):
        return
    for id in slow:
        tally.add(
            "D22",
            Severity.INFO,
            id,
            "status",
            expected=f"answers about as fast as those of {len(times) - 1} other operations",
            observed=f"none within {SECONDS} s",
            what=f"each answer takes more than {TIMES} times as long as the median of the other operations",
            witness=0,
            samples=len(times[id]),
            source=Source.LIVE_LIVE,
        )
    yield from tally.findings()
