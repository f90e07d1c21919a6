"""Numbers in another unit: as a whole greater or smaller by one power of ten, as when dollars become cents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import log

from whopwatch.core.finding import Confidence, Finding, Source
from whopwatch.history.records import Records
from whopwatch.history.rules import Rules
from whopwatch.history.sight import MAGNITUDES, Sight

_CLASSES = 8
"""Powers of ten that numbers are spread over where nothing is known of them."""


def other_units(records: Records, sights: Mapping[str, Sight], rules: Rules) -> Iterator[Finding]:
    """A finding for each place whose numbers fit those of before far better when they are moved."""
    rule = rules.unit
    for operation, sight in sights.items():
        for location, tally in sight.tallies.items():
            now: Mapping[str, int] = tally.kinds.get(MAGNITUDES, {})
            before: Mapping[str, int] = records.tallies.get((operation, location), {}).get(MAGNITUDES, {})
            count, known = sum(now.values()), sum(before.values())
            if count < rule.least or known < rule.settled:
                continue
            worth = rules.evidence.effective(count) / count
            # A likelihood ratio exceeds 1/alpha with a probability of alpha at most (Markov's inequality).
            limit = log(len(rule.powers)) - rules.evidence.limit
            power = max(rule.powers, key=lambda power: log_ratio(before, now, power))
            if log_ratio(before, now, power) * worth > limit:
                yield _finding(operation, location, power, count, known, rules)


def log_ratio(before: Mapping[str, int], now: Mapping[str, int], power: int) -> float:
    """The log-likelihood ratio of the numbers having moved by `power` of ten against having stayed.

    Both arguments count numbers by their power of ten.
    """
    known = sum(before.values()) + 0.5 * _CLASSES

    def log_share(place: int) -> float:
        return log((before.get(str(place), 0) + 0.5) / known)

    return sum(
        count * (log_share(int(place) - power) - log_share(int(place)))
        for place, count in now.items()
        if place.lstrip("-").isdecimal()
    )


def _finding(operation: str, location: str, power: int, count: int, known: int, rules: Rules) -> Finding:
    factor = f"{10 ** abs(power)} times {'greater' if power > 0 else 'smaller'}"
    return Finding(
        drift_class=rules.unit.drift_class,
        check="memory",
        severity=rules.unit.severity,
        operation=operation,
        location=location,
        expected="numbers of the magnitude of before",
        observed=f"numbers about {factor}",
        message=f"{operation}: {location} holds numbers about {factor} than before, as of another unit "
        f"({count} now, {known} before).",
        samples=count,
        violations=count,
        confidence=Confidence.CONFIRMED,
        source=Source.LIVE_LIVE,
    )
