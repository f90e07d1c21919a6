"""Collect violations: many violations of one rule at one location make one finding.

An API may return any amount. So the samples of a location, the locations of a rule and the findings of a run are
bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Confidence, Finding, RequestExample, Rule, Severity
from whopwatch.core.wording import plural

MAX_SAMPLES = 1_000
"""Samples of one location that are kept, so that each counts once."""
MAX_LOCATIONS = 100
"""Locations of one rule in one operation that are findings of their own."""
MAX_VIOLATIONS = 5_000
"""Rules at locations, in all operations together, that are findings of their own."""
MAX_VARIANTS = 3
"""Different things observed at one location that a finding shows. More of them are no vocabulary: they may be data."""
SEVERAL = f"more than {MAX_VARIANTS} different ones"
MORE_LOCATIONS = "/..."
"""The location of the finding for all further locations of a rule."""


class SampleCounter:
    """Counts distinct samples: exactly up to MAX_SAMPLES, then each that differs from the sample before it."""

    def __init__(self, samples: Iterable[Hashable] = ()) -> None:
        self._known: set[Hashable] = set()
        self._more = 0
        self._last: Hashable = None
        for sample in samples:
            self.add(sample)

    def add(self, sample: Hashable) -> None:
        """Count `sample` if it is a new one."""
        if sample in self._known or sample == self._last:
            return
        if len(self._known) < MAX_SAMPLES:
            self._known.add(sample)
        else:
            self._more += 1
            self._last = sample

    def update(self, other: SampleCounter) -> None:
        """Count the samples of `other`, too."""
        for sample in other._known:
            self.add(sample)
        self._more += other._more

    def __len__(self) -> int:
        return len(self._known) + self._more


@dataclass
class RuleViolations:
    """All violations of one rule at one location of one operation.

    `violating` counts the samples that violate it, `samples` all that were checked, `unit` is what a sample is, in the
    singular. `exchange` is the first that violates it, `variants` are the different things observed.
    """

    rule: Rule
    operation: str
    location: str
    expected: str
    observed: str
    sentence: str
    samples: int
    unit: str
    exchange: Exchange | None = None
    violating: SampleCounter = field(default_factory=SampleCounter)
    variants: dict[str, None] = field(default_factory=dict)

    def add(self, sample: Hashable, details: Mapping[str, object]) -> None:
        """Count one violation, and name what was observed if it differs from what was observed before."""
        self.violating.add(sample)
        observed = details.get("observed")
        if not isinstance(observed, str) or observed in self.variants or len(self.variants) > MAX_VARIANTS:
            return
        self.variants[observed] = None
        if len(self.variants) > 1:
            shown = ", ".join(self.variants) if len(self.variants) <= MAX_VARIANTS else SEVERAL
            self.expected, self.observed, self.sentence = self.rule.words(**{**details, "observed": shown})


class FindingCollector:
    """Collects what checks report. `notes_met` says whether anyone reads which rules are met."""

    def __init__(self, *, notes_met: bool = True) -> None:
        self.notes_met = notes_met
        self._violations: dict[tuple[str, str, str], RuleViolations] = {}
        self._locations: dict[tuple[str, str], int] = {}
        self._met: set[tuple[str, str]] = set()

    def report(
        self,
        rule: Rule,
        operation: str,
        location: str,
        *,
        sample: Hashable,
        samples: int,
        unit: str = "response",
        exchange: Exchange | None = None,
        **details: object,
    ) -> None:
        """Report one violation of `rule`.

        `sample` identifies what violates it: the same one counts once. `samples` is how many such samples were checked
        in all, `unit` what a sample is, `exchange` the request whose response shows it.
        `details` fill in the rule's words; the first violation at a location gives
        them. Locations beyond the bounds share one finding at MORE_LOCATIONS.
        """
        key = rule.id, operation, location
        if key not in self._violations:
            count = self._locations.get((rule.id, operation), 0)
            if count < MAX_LOCATIONS and len(self._violations) < MAX_VIOLATIONS:
                self._locations[rule.id, operation] = count + 1
                words = rule.words(**details)
            else:
                key = rule.id, operation, MORE_LOCATIONS
                expected, observed, _ = rule.words(**details)
                words = expected, observed, f"more locations break the rule {rule.id}"
            if key not in self._violations:
                self._violations[key] = RuleViolations(
                    rule, operation, key[2], *words, samples=samples, unit=unit, exchange=exchange
                )
        self._violations[key].add(sample, details)

    def meets(self, rule: Rule, operation: str) -> None:
        """Note that a response of `operation` meets `rule`, which no source states."""
        self._met.add((operation, rule.id))

    @property
    def met(self) -> set[tuple[str, str]]:
        """The operations with the undocumented rules that they meet and do not violate."""
        return self._met - {(operation, rule) for rule, operation, _ in self._violations}

    @property
    def violations(self) -> list[RuleViolations]:
        """What was reported, in the order in which it was first reported."""
        return list(self._violations.values())


def findings_of(
    violations: Iterable[RuleViolations],
    established: Collection[tuple[str, str]] = (),
    request_of: Callable[[Exchange], RequestExample] | None = None,
) -> Iterator[Finding]:
    """Yield one finding for each drift class, operation and location, confirmed if two samples agree.

    The most severe rule gives the words; the samples of other rules of the same check are counted with it. Of several
    checks that report the same, the first with the highest severity is kept. `established` are operations with the
    undocumented rules that they used to meet (see `Rule.severity_for`).
    """
    places: dict[tuple[str, str, str], list[RuleViolations]] = {}
    for one in violations:
        places.setdefault((one.rule.drift_class, one.operation, one.location), []).append(one)
    for group in places.values():
        severities = [one.rule.severity_for(one.operation, established) for one in group]
        severity = min(severities, key=lambda one: one.rank)
        worst = group[severities.index(severity)]
        own = [one for one in group if one.rule.check == worst.rule.check]
        together = SampleCounter()
        for one in own:
            together.update(one.violating)
        request = request_of(worst.exchange) if request_of and worst.exchange else None
        yield _finding(worst, severity, len(together), request)


def _finding(found: RuleViolations, severity: Severity, violations: int, request: RequestExample | None) -> Finding:
    rule, samples = found.rule, max(found.samples, violations)
    return Finding(
        drift_class=rule.drift_class,
        check=rule.check,
        rule=rule.id,
        severity=severity,
        operation=found.operation,
        location=found.location,
        expected=found.expected,
        observed=found.observed,
        message=f"{found.operation}: {found.sentence} ({violations} of {plural(samples, found.unit)}).",
        samples=samples,
        violations=violations,
        confidence=Confidence.CONFIRMED if violations > 1 else Confidence.SUSPECTED,
        source=rule.source,
        request=request,
    )
