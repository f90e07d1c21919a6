"""One difference between two promises, before anybody asked where in the API it shows."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Literal

from whopwatch.core.finding import Severity

Movement = Literal["removed", "added", "tightened", "loosened", "widened", "narrowed", "replaced"]


_OPTIONAL = frozenset({"D6", "D10", "D19"})
"""An optional field or an enum value, more or less."""


class Side(StrEnum):
    """Who decides what comes: a client decides what it sends, the API what a client receives."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Relation:
    """What else belongs to a change: what is gone here stands there, under another name or in another place."""

    kind: Literal["renamed", "moved"]
    other: str


@dataclass(frozen=True, slots=True)
class Change:
    """What moved, by class, and where: `pointer` is relative to the place that was compared.

    `is_certain` is False where a source tells two facts apart only together, or a relation was inferred.
    """

    drift_class: str
    movement: Movement
    pointer: str
    expected: str
    observed: str
    is_certain: bool = True
    relation: Relation | None = None

    def below(self, prefix: str) -> Change:
        """The same change as seen from further up."""
        return replace(self, pointer=prefix + self.pointer)

    def is_wider(self) -> bool:
        """Whether every value of before is still one: nothing but more values and more fields that may come."""
        return self.movement in ("widened", "loosened") or (self.movement == "added" and self.drift_class in _OPTIONAL)

    def is_narrower(self) -> bool:
        """Whether every value of now was one before."""
        kept = self.movement == "removed" and self.drift_class in _OPTIONAL
        return self.movement in ("narrowed", "tightened") or kept

    def severity(self, side: Side) -> Severity:
        """How much it hurts a client."""
        sent, received = _severities()[self.drift_class][self.movement]
        return Severity(sent if side is Side.SENT else received)


@cache
def _severities() -> dict[str, dict[str, list[str]]]:
    declared: dict[str, dict[str, list[str]]] = tomllib.loads(
        files("whopwatch.diff").joinpath("severities.toml").read_text(encoding="utf-8")
    )
    return declared
