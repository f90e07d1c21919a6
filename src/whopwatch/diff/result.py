"""The result of a comparison: one finding for each cause, with all places where it occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Confidence, Finding, Occurrence, Severity, Source
from whopwatch.core.report import Verdict
from whopwatch.diff.causes import Cause, find_causes
from whopwatch.diff.change import Gap, Placed
from whopwatch.diff.compare import compare
from whopwatch.diff.model import Direction, list_words
from whopwatch.diff.renames import name_of
from whopwatch.diff.sides import Side, side_of_contract

_CHECK = "diff"
_SIDES = {Direction.SENT: "request", Direction.RECEIVED: "response"}
_MAX_LOCATION = 120
_LEAVING = frozenset({"D1", "D5", "D6", "D16", "D24"})


@dataclass(frozen=True)
class PlacedFinding:
    """A change at one place, as a finding."""

    finding: Finding
    placed: Placed


@dataclass(frozen=True)
class ComparedChange:
    """One change and all places where it occurs. `finding` is named after the shared schema or `all`, if several."""

    finding: Finding
    cause: Cause

    @property
    def placed(self) -> Placed:
        """The place with the highest severity."""
        return self.cause.head

    @property
    def places(self) -> tuple[Occurrence, ...]:
        """Where the change occurs."""
        return self.finding.places

    def to_json(self) -> dict[str, Any]:
        """Return the finding as in every report, with its direction, shared schema, relation, cause and places."""
        relation = self.placed.change.relation
        return {
            **self.finding.to_json(),
            "movement": self.placed.change.movement,
            "side": _SIDES[self.placed.direction],
            "shared_schema": self.placed.schema,
            "relation": {"kind": relation.kind, "other": relation.other} if relation else None,
            "cause": self.cause.kind,
            "places": [place.to_json() for place in self.places],
        }


@dataclass(frozen=True)
class Comparison:
    """Everything that changed between two sides, and what differs and was not compared."""

    old: str
    new: str
    places: tuple[PlacedFinding, ...]
    changes: tuple[ComparedChange, ...]
    gaps: tuple[Gap, ...] = ()

    @cached_property
    def verdict(self) -> Verdict:
        """Drift if a finding is more severe than info, could-not-check if nothing is but something was not compared."""
        if any(change.finding.breaks for change in self.changes):
            return Verdict.DRIFT
        return Verdict.COULD_NOT_CHECK if self.gaps else Verdict.CLEAN

    def by_severity(self) -> dict[Severity, list[ComparedChange]]:
        """Return the changes by severity, the most severe first, each in the order of the API."""
        return {
            severity: found
            for severity in Severity
            if (found := [change for change in self.changes if change.finding.severity is severity])
        }

    def to_json(self, version: str) -> dict[str, Any]:
        """Return the JSON report, schema 1. `groups` repeats `findings` for readers of earlier reports."""
        findings = [change.to_json() for change in self.changes]
        return {
            "schema": 1,
            "tool": "whopwatch",
            "version": version,
            "old": self.old,
            "new": self.new,
            "verdict": str(self.verdict),
            "classes": dict(sorted(Counter(one.finding.drift_class for one in self.places).items(), key=_number)),
            "changes": len(self.changes),
            "places": len(self.places),
            "findings": findings,
            "groups": findings,
            "not_compared": [
                {"operation": gap.operation, "location": gap.location, "keyword": gap.keyword} for gap in self.gaps
            ],
        }


def compare_sides(old: Side, new: Side) -> Comparison:
    """Compare two sides, for each API version that both have. Raise UsageError if they have none in common."""
    common = [version for version in old.apis if version in new.apis]
    if not common:
        raise UsageError(
            "The two sides have no API version in common.",
            expected=", ".join(old.apis),
            got=", ".join(new.apis),
        )
    places: list[PlacedFinding] = []
    changes: list[ComparedChange] = []
    gaps: list[Gap] = []
    for version in common:
        before, after = old.apis[version], new.apis[version]
        source = Source.SDK_CONTRACT if before.is_sdk != after.is_sdk else Source.CONTRACT_CONTRACT
        differences = compare(before, after)
        gaps += differences.gaps
        found = {placed: _finding(placed, source) for placed in differences.changes}
        places += [PlacedFinding(finding, placed) for placed, finding in found.items()]
        changes += [
            ComparedChange(_merge(cause, [found[item] for item in cause.items]), cause)
            for cause in find_causes(differences.changes)
        ]
    return Comparison(old.name, new.name, tuple(places), tuple(changes), tuple(gaps))


@lru_cache(maxsize=4)
def compare_contracts(old: Contract, new: Contract) -> Comparison:
    """Compare two loaded contracts; kept for the next night, company or question of the same process."""
    return compare_sides(side_of_contract(old), side_of_contract(new))


def _finding(placed: Placed, source: Source) -> Finding:
    change = placed.change
    return Finding(
        drift_class=change.drift_class,
        check=_CHECK,
        severity=change.severity(placed.direction),
        operation=placed.operation,
        location=placed.location,
        expected=change.expected,
        observed=change.observed,
        message=_message(placed, placed.operation, placed.location),
        confidence=Confidence.CONFIRMED if change.is_certain else Confidence.SUSPECTED,
        source=source,
    )


def _message(placed: Placed, operation: str, location: str) -> str:
    change = placed.change
    where = ": ".join(filter(None, (operation, location))) or "the API"
    text = f"{where}: was {change.expected}, is {change.observed}"
    if change.relation is None:
        return text
    direction = "to" if change.drift_class in _LEAVING else "from"
    return f"{text} ({change.relation.kind} {direction} {change.relation.other})"


def _merge(cause: Cause, findings: list[Finding]) -> Finding:
    """Return the finding of a cause, with the places of all its changes."""
    first = findings[cause.items.index(cause.head)]
    operation, location, expected, observed, message = _words(cause, first)
    places = tuple(Occurrence(one.operation, one.location, one.fingerprint, 1, 1) for one in findings)
    is_certain = all(one.confidence is Confidence.CONFIRMED for one in findings)
    return Finding(
        drift_class=first.drift_class,
        check=_CHECK,
        severity=cause.severity,
        operation=operation,
        location=location,
        expected=expected,
        observed=observed,
        message=message,
        samples=len(findings),
        violations=len(findings),
        confidence=Confidence.CONFIRMED if is_certain else Confidence.SUSPECTED,
        source=first.source,
        places=places,
    )


def _words(cause: Cause, first: Finding) -> tuple[str, str, str, str, str]:
    """Return operation, location, expected, observed and message of the finding of a cause."""
    head, count = cause.head, len(cause.items)
    if not cause.is_wide:
        if head.schema is None or count == 1:
            return first.operation, first.location, first.expected, first.observed, first.message
        operation, location = f"schema:{head.schema}", head.within
        return operation, location, first.expected, first.observed, _message(head, operation, location)
    old, new, *_ = cause.subject.split(" → ")
    operations = len({item.operation for item in cause.items})
    where = f"in {count} places of {operations} operations"
    if cause.kind == "api-wide-rename":
        return "all", f"/{old}", old, new, f"{old} was renamed to {new} {where}"
    if cause.kind == "object-to-id":
        names = sorted({name_of(item.location) for item in _removals(cause.items)})
        message = f"objects were replaced by their IDs {where}: {list_words(names)}"
        return "all", "/*_id", "an object", "its ID, in a field with the suffix _id", message
    if cause.kind == "same-change":
        locations = {item.location for item in cause.items}
        names = sorted(name_of(location) or location or "the body" for location in locations)
        location = locations.pop() if len(locations) == 1 else f"/{names[0]}" if len(set(names)) == 1 else "/*"
        names = list(dict.fromkeys(names))
        message = f"{list_words(names)}: was {old}, is {new} {where}"
        return "all", f"{location} {old} → {new}"[:_MAX_LOCATION], old, new, message
    return "all", f"{old}.*", old, new, f"resource {old} was renamed to {new}: {count} changes"


def _removals(items: Iterable[Placed]) -> list[Placed]:
    return [item for item in items if item.change.movement == "removed"]


def _number(item: tuple[str, int]) -> int:
    return int(item[0].removeprefix("D"))
