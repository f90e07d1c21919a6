"""One difference between two API descriptions, and its place in the API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from whopwatch.core.documents import packaged_toml
from whopwatch.core.finding import Severity
from whopwatch.diff.model import Direction

Movement = Literal["removed", "added", "tightened", "loosened", "widened", "narrowed", "replaced"]

_OPTIONAL_CLASSES = frozenset({"D6", "D10", "D19"})
"""The classes of an optional field or an enum value that is added or removed."""


@dataclass(frozen=True, slots=True)
class Relation:
    """The counterpart of a change: the same thing under another name or in another place."""

    kind: Literal["renamed", "moved"]
    other: str


@dataclass(frozen=True, slots=True)
class Change:
    """What changed, by drift class. `pointer` is relative to the place that was compared.

    `is_certain` is False if a source states two facts only together, or if a relation was inferred. `only` is the one
    direction in which the change has an effect. `at_most` limits the severity.
    """

    drift_class: str
    movement: Movement
    pointer: str
    expected: str
    observed: str
    is_certain: bool = True
    relation: Relation | None = None
    only: Direction | None = None
    at_most: Severity | None = None

    def below(self, prefix: str, only: Direction | None = None) -> Change:
        """Return the same change as seen from the place that has `prefix` in front of it."""
        return replace(self, pointer=prefix + self.pointer, only=self.only or only)

    def is_wider(self) -> bool:
        """Return whether every value that was allowed before is still allowed."""
        added = self.movement == "added" and self.drift_class in _OPTIONAL_CLASSES
        return self.movement in ("widened", "loosened") or added

    def is_narrower(self) -> bool:
        """Return whether every value that is allowed now was allowed before."""
        removed = self.movement == "removed" and self.drift_class in _OPTIONAL_CLASSES
        return self.movement in ("narrowed", "tightened") or removed

    def severity(self, direction: Direction) -> Severity:
        """Return how much the change harms a client that sends or receives the data."""
        if self.only is not None and self.only is not direction:
            return Severity.INFO
        sent, received = _severities()[self.drift_class][self.movement]
        severity = Severity(sent if direction is Direction.SENT else received)
        return max(severity, self.at_most or severity, key=lambda one: one.rank)


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A keyword that differs and that the comparison does not support."""

    pointer: str
    keyword: str

    def below(self, prefix: str) -> NotCompared:
        """Return the same as seen from the place that has `prefix` in front of it."""
        return replace(self, pointer=prefix + self.pointer)


@dataclass(frozen=True, slots=True)
class Placed:
    """A change at one place of the API. `schema` is the shared schema it comes from, `within` its place there."""

    operation: str
    location: str
    direction: Direction
    change: Change
    schema: str | None = None
    within: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of the API that differs and was not compared."""

    operation: str
    location: str
    keyword: str


@cache
def _severities() -> dict[str, dict[str, list[str]]]:
    return packaged_toml(__package__, "severities.toml")
