"""What a comparison says: findings as any run has them, grouped by the change they have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Confidence, Finding, Occurrence, Severity, Source
from whopwatch.core.report import Verdict
from whopwatch.diff.change import Side as Direction
from whopwatch.diff.compare import Placed, compare
from whopwatch.diff.sides import Side

CHECK = "diff"


@dataclass(frozen=True)
class Found:
    """One finding and what only a comparison knows of it."""

    finding: Finding
    placed: Placed

    def to_json(self) -> dict[str, Any]:
        """The finding as in every report, and what moved, on which side, from which shared schema, where to."""
        return {**self.finding.to_json(), **_context(self.placed)}


@dataclass(frozen=True)
class Group:
    """One change and all the places where it shows; `finding` is named after the shared schema, where there is one."""

    finding: Finding
    placed: Placed

    @property
    def places(self) -> tuple[Occurrence, ...]:
        """Where it shows."""
        return self.finding.places

    def to_json(self) -> dict[str, Any]:
        """The same shape as a single finding, with its places."""
        places = [place.to_json() for place in self.places]
        return {**self.finding.to_json(), **_context(self.placed), "places": places}


@dataclass(frozen=True)
class Comparison:
    """Everything that moved between two sides."""

    old: str
    new: str
    findings: tuple[Found, ...]
    groups: tuple[Group, ...]

    @property
    def verdict(self) -> Verdict:
        """Drift if a finding is worse than `info`."""
        return Verdict.of(found.finding for found in self.findings)

    def by_severity(self) -> dict[Severity, list[Group]]:
        """The groups, the worst first; within a severity in the order of the API."""
        return {
            severity: found
            for severity in Severity
            if (found := [group for group in self.groups if group.finding.severity is severity])
        }

    def to_json(self, version: str) -> dict[str, Any]:
        """The JSON report, schema 1."""
        return {
            "schema": 1,
            "tool": "whopwatch",
            "version": version,
            "old": self.old,
            "new": self.new,
            "verdict": str(self.verdict),
            "classes": dict(sorted(Counter(found.finding.drift_class for found in self.findings).items(), key=_number)),
            "findings": [found.to_json() for found in self.findings],
            "groups": [group.to_json() for group in self.groups],
        }


def compare_sides(old: Side, new: Side) -> Comparison:
    """Compare what both sides speak of.

    Raises `UsageError` where they have no API version in common.
    """
    common = [version for version in old.apis if version in new.apis]
    if not common:
        raise UsageError(
            "The two sides have no version of the API in common.",
            expected=", ".join(old.apis),
            got=", ".join(new.apis),
        )
    found = []
    for version in common:
        before, after = old.apis[version], new.apis[version]
        source = Source.SDK_CONTRACT if before.is_sdk != after.is_sdk else Source.CONTRACT_CONTRACT
        found += [Found(_finding(placed, source), placed) for placed in compare(before, after)]
    return Comparison(old.name, new.name, tuple(found), tuple(_grouped(found)))


def _finding(placed: Placed, source: Source) -> Finding:
    change = placed.change
    return Finding(
        drift_class=change.drift_class,
        check=CHECK,
        severity=change.severity(placed.side),
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
    direction = "to" if change.drift_class in {"D1", "D5", "D6", "D16", "D24"} else "from"
    return f"{text} ({change.relation.kind} {direction} {change.relation.other})"


def _grouped(found: list[Found]) -> list[Group]:
    groups: dict[tuple[object, ...], list[Found]] = {}
    for item in found:
        placed = item.placed
        relation = placed.change.relation if placed.schema is None else None
        where = (placed.schema, placed.within) if placed.schema else (placed.operation, placed.location)
        change = placed.change
        key = (*where, placed.side, change.drift_class, change.movement, change.expected, change.observed, relation)
        groups.setdefault(key, []).append(item)
    return [_group(items) for items in groups.values()]


def _group(items: list[Found]) -> Group:
    first = items[0]
    if first.placed.schema is None or len(items) == 1:
        return Group(_with_places(first.finding, items), first.placed)
    operation, location = f"schema:{first.placed.schema}", first.placed.within
    one = first.finding
    shared = Finding(
        drift_class=one.drift_class,
        check=CHECK,
        severity=one.severity,
        operation=operation,
        location=location,
        expected=one.expected,
        observed=one.observed,
        message=_message(first.placed, operation, location),
        samples=len(items),
        violations=len(items),
        confidence=one.confidence,
        source=one.source,
    )
    return Group(_with_places(shared, items), first.placed)


def _with_places(finding: Finding, items: list[Found]) -> Finding:
    places = tuple(
        Occurrence(item.finding.operation, item.finding.location, item.finding.fingerprint, 1, 1) for item in items
    )
    return replace(finding, places=places)


def _context(placed: Placed) -> dict[str, Any]:
    relation = placed.change.relation
    return {
        "movement": placed.change.movement,
        "side": {Direction.SENT: "request", Direction.RECEIVED: "response"}[placed.side],
        "shared_schema": placed.schema,
        "relation": {"kind": relation.kind, "other": relation.other} if relation else None,
    }


def _number(item: tuple[str, int]) -> int:
    return int(item[0].removeprefix("D"))
