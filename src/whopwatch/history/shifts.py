"""Detect numbers whose unit changed (dollars to cents) and operations that became slower."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log
from statistics import median

from whopwatch.core.finding import Confidence, Finding, Source
from whopwatch.history.profile import MAGNITUDES, OperationProfile
from whopwatch.history.records import OperationRecord, Records
from whopwatch.history.rules import HistoryRules, LatencyRule

_MAGNITUDE_CLASSES = 8
"""Powers of ten that numbers are assumed to spread over before any are known."""
_MAD_TO_SIGMA = 1.4826
"""Converts a median absolute deviation to a standard deviation if noise is normal."""


def find_unit_changes(
    records: Records, profiles: Mapping[str, OperationProfile], rules: HistoryRules
) -> Iterator[Finding]:
    """Yield a finding for each location whose numbers fit the earlier ones far better when scaled by a power of ten."""
    rule = rules.unit
    for operation, profile in profiles.items():
        for location, tally in profile.tallies.items():
            now: Mapping[str, int] = tally.kinds.get(MAGNITUDES, {})
            before: Mapping[str, int] = records.tallies.get((operation, location), {}).get(MAGNITUDES, {})
            count, known = sum(now.values()), sum(before.values())
            if count < rule.min_tonight or known < rule.min_known:
                continue
            worth = rules.absence.effective(count) / count
            # A likelihood ratio exceeds 1/alpha with a probability of alpha at most (Markov's inequality); there is one
            # test for each power.
            limit = log(len(rule.powers)) - rules.absence.limit
            power = max(rule.powers, key=lambda power: log_ratio(before, now, power))
            if log_ratio(before, now, power) * worth > limit:
                yield _unit_finding(operation, location, power, count, known, rules)


def log_ratio(before: Mapping[str, int], now: Mapping[str, int], power: int) -> float:
    """Return the log-likelihood ratio of the numbers being scaled by 10**`power` against being unchanged.

    `before` and `now` count numbers by their power of ten.
    """
    known = sum(before.values()) + 0.5 * _MAGNITUDE_CLASSES

    def log_share(magnitude: int) -> float:
        return log((before.get(str(magnitude), 0) + 0.5) / known)

    return sum(
        count * (log_share(int(name) - power) - log_share(int(name)))
        for name, count in now.items()
        if name.lstrip("-").isdecimal()
    )


def _unit_finding(operation: str, location: str, power: int, count: int, known: int, rules: HistoryRules) -> Finding:
    factor = f"{10 ** abs(power)} times {'larger' if power > 0 else 'smaller'}"
    return Finding(
        drift_class=rules.unit.drift_class,
        check="memory",
        severity=rules.unit.severity,
        operation=operation,
        location=location,
        expected="numbers of the previous magnitude",
        observed=f"numbers about {factor}",
        message=f"{operation}: {location} has numbers about {factor} than before; the unit may have changed "
        f"({count} now, {known} before).",
        samples=count,
        violations=count,
        confidence=Confidence.CONFIRMED,
        source=Source.LIVE_LIVE,
    )


def find_slowdowns(operations: Mapping[str, OperationRecord], rule: LatencyRule) -> Iterator[Finding]:
    """Yield a finding for each operation that was slower than its history explains, several nights in a row."""
    for operation, record in operations.items():
        known = [seconds for seconds in record.latencies if seconds]
        if record.latencies and record.latencies[-1] and is_slower(known, rule):
            before = median(known[: -rule.nights])
            factor = min(known[-rule.nights :]) / before
            yield Finding(
                drift_class=rule.drift_class,
                check="memory",
                severity=rule.severity,
                operation=operation,
                location="status",
                expected="the previous response time",
                observed=f"at least {factor:.1f} times slower, {rule.nights} nights in a row",
                message=f"{operation}: responses take at least {factor:.1f} times as long as before "
                f"({rule.nights} nights in a row, compared with {len(known) - rule.nights} earlier nights).",
                samples=len(known),
                violations=rule.nights,
                confidence=Confidence.CONFIRMED,
                source=Source.LIVE_LIVE,
            )


def is_slower(medians: Sequence[float], rule: LatencyRule) -> bool:
    """Return whether each of the last `rule.nights` medians (seconds) exceeds all three limits of the earlier ones."""
    before, latest = medians[: -rule.nights], medians[-rule.nights :]
    if len(before) < rule.min_history:
        return False
    # Latencies are skewed; their logarithms are close to normal.
    logs = [log(seconds) for seconds in before]
    middle = median(logs)
    spread = _MAD_TO_SIGMA * median(abs(value - middle) for value in logs)
    return all(
        seconds > rule.factor * median(before)
        and seconds > median(before) + rule.seconds
        and log(seconds) - middle > rule.deviations * spread
        for seconds in latest
    )
