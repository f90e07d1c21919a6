"""Operations that have become slower: the median of several nights in a row against all nights before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log
from statistics import median

from whopwatch.core.finding import Confidence, Finding, Source
from whopwatch.history.records import OperationRecord
from whopwatch.history.rules import Latency

_NORMAL = 1.4826
"""What makes a median absolute deviation a standard deviation, where noise is normal."""


def slower(operations: Mapping[str, OperationRecord], rule: Latency) -> Iterator[Finding]:
    """A finding for each operation whose latest nights are all slower than those before let expect."""
    for operation, record in operations.items():
        known = [seconds for seconds in record.latencies if seconds]
        if record.latencies and record.latencies[-1] and is_slower(known, rule):
            before = median(known[: -rule.nights])
            times = min(known[-rule.nights :]) / before
            yield Finding(
                drift_class=rule.drift_class,
                check="memory",
                severity=rule.severity,
                operation=operation,
                location="status",
                expected="answers about as fast as before",
                observed=f"at least {times:.1f} times as slow, {rule.nights} nights in a row",
                message=f"{operation}: answers take at least {times:.1f} times as long as they used to "
                f"({rule.nights} nights in a row, against {len(known) - rule.nights} before).",
                samples=len(known),
                violations=rule.nights,
                confidence=Confidence.CONFIRMED,
                source=Source.LIVE_LIVE,
            )


def is_slower(medians: Sequence[float], rule: Latency) -> bool:
    """Whether each of the last `rule.nights` medians (seconds) is far above those before, in every respect."""
    before, latest = medians[: -rule.nights], medians[-rule.nights :]
    if len(before) < rule.settled:
        return False
    logs = [log(seconds) for seconds in before]
    middle = median(logs)
    spread = _NORMAL * median(abs(value - middle) for value in logs)
    return all(
        seconds > rule.factor * median(before)
        and seconds > median(before) + rule.seconds
        and log(seconds) - middle > rule.deviations * spread
        for seconds in latest
    )
