"""Collect violations: many violations of one rule at one location make one finding."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from whopwatch.core.finding import Confidence, Finding
from whopwatch.core.rule import Rule


@dataclass
class RuleViolations:
    """All violations of one rule at one location of one operation.

    `violating` identifies the samples that violate it, `samples` counts all that were checked, `unit` is what a sample
    is, in the singular.
    """

    rule: Rule
    operation: str
    location: str
    expected: str
    observed: str
    sentence: str
    samples: int
    unit: str
    violating: set[Hashable] = field(default_factory=set)


class FindingCollector:
    """Collects what checks report."""

    def __init__(self) -> None:
        self._violations: dict[tuple[str, str, str], RuleViolations] = {}

    def report(
        self,
        rule: Rule,
        operation: str,
        location: str,
        *,
        sample: Hashable,
        samples: int,
        unit: str = "response",
        **details: object,
    ) -> None:
        """Report one violation of `rule`.

        `sample` identifies what violates it: the same one counts once. `samples` is how many such samples were checked
        in all, `unit` what a sample is. `details` fill in the rule's words; the first violation at a location gives
        them.
        """
        key = rule.id, operation, location
        if key not in self._violations:
            self._violations[key] = RuleViolations(
                rule, operation, location, *rule.words(**details), samples=samples, unit=unit
            )
        self._violations[key].violating.add(sample)

    @property
    def violations(self) -> list[RuleViolations]:
        """What was reported, in the order in which it was first reported."""
        return list(self._violations.values())


def findings_of(violations: Iterable[RuleViolations]) -> Iterator[Finding]:
    """Yield one finding for each drift class, operation and location, confirmed if two samples agree.

    The most severe rule gives the words; the samples of other rules of the same check are counted with it. Of several
    checks that report the same, the first with the highest severity is kept.
    """
    places: dict[tuple[str, str, str], list[RuleViolations]] = {}
    for one in violations:
        places.setdefault((one.rule.drift_class, one.operation, one.location), []).append(one)
    for group in places.values():
        worst = min(group, key=lambda one: one.rule.severity.rank)
        own = [one for one in group if one.rule.check == worst.rule.check]
        yield _finding(worst, len(set().union(*(one.violating for one in own))))


def _finding(found: RuleViolations, violations: int) -> Finding:
    rule, samples = found.rule, max(found.samples, violations)
    return Finding(
        drift_class=rule.drift_class,
        check=rule.check,
        rule=rule.id,
        severity=rule.severity,
        operation=found.operation,
        location=found.location,
        expected=found.expected,
        observed=found.observed,
        message=f"{found.operation}: {found.sentence} "
        f"({violations} of {samples} {found.unit}{'' if samples == 1 else 's'}).",
        samples=samples,
        violations=violations,
        confidence=Confidence.CONFIRMED if violations > 1 else Confidence.SUSPECTED,
        source=rule.source,
    )
