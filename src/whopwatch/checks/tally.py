"""Counting: many sightings of one disagreement make one finding."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from whopwatch.core.finding import Confidence, Finding, Severity, Source


@dataclass
class _Entry:
    severity: Severity
    expected: str
    observed: str
    what: str
    source: Source
    samples: int
    witnesses: set[Hashable] = field(default_factory=set)


class Tally:
    """Sightings of one check, grouped by class, operation and location."""

    def __init__(self, check: str) -> None:
        self._check = check
        self._entries: dict[tuple[str, str, str], _Entry] = {}

    def add(
        self,
        drift_class: str,
        severity: Severity,
        operation: str,
        location: str,
        *,
        expected: str,
        observed: str,
        what: str,
        witness: Hashable,
        samples: int,
        source: Source = Source.LIVE_CONTRACT,
    ) -> None:
        """Count one sighting.

        `what` is the sentence's end, after the operation's name. `witness` is what disagreed: the same one counts
        once. `samples` is how many such witnesses were looked at in all. The worst sighting gives the words.
        """
        key = drift_class, operation, location
        entry = self._entries.get(key)
        if entry is None or severity.rank < entry.severity.rank:
            seen = entry.witnesses if entry else set()
            entry = self._entries[key] = _Entry(severity, expected, observed, what, source, samples, seen)
        entry.witnesses.add(witness)

    def findings(self) -> Iterator[Finding]:
        """One finding for each class, operation and location; confirmed where two witnesses agree."""
        for (drift_class, operation, location), entry in self._entries.items():
            violations = len(entry.witnesses)
            samples = max(entry.samples, violations)
            yield Finding(
                drift_class=drift_class,
                check=self._check,
                severity=entry.severity,
                operation=operation,
                location=location,
                expected=entry.expected,
                observed=entry.observed,
                message=f"{operation}: {entry.what} ({violations} of {samples} seen).",
                samples=samples,
                violations=violations,
                confidence=Confidence.CONFIRMED if violations > 1 else Confidence.SUSPECTED,
                source=entry.source,
            )
