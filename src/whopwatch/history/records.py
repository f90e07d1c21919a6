"""What is kept from night to night, as plain records. Nights are counted from 1."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from whopwatch.core.finding import Finding
from whopwatch.core.report import State


@dataclass
class TraitRecord:
    """What is known of one trait of one kind of object. `number` stands for it wherever it is listed.

    Of `units` objects that could have had the trait `hits` had it, as of the
    night on which it was last seen; since then `quiet` effective objects never met before and `lost` known ones, also
    effective, came without it: `gap` objects in all, of which `longest` is the greatest number so far. `foreign` marks
    one that appeared where it had never been.
    """

    number: int
    units: int = 0
    hits: int = 0
    quiet: float = 0.0
    lost: float = 0.0
    gap: int = 0
    longest: int = 0
    first_night: int = 0
    last_night: int = 0
    foreign: bool = False


@dataclass
class OperationRecord:
    """What is known of one operation. `states` and `latencies` are those of the latest nights, this one last."""

    verified_night: int = 0
    unverified: int = 0
    changes: int = 0
    states: list[State] = field(default_factory=list)
    latencies: list[float | None] = field(default_factory=list)


@dataclass
class FindingRecord:
    """The life of one finding: `finding` is its latest evidence, without what only its state says.

    `exposure` counts the samples of that night that could have shown it, `clean` those since that did not. `turns`
    are the nights on which it came or went, `digests` those of the undocumented values that it rests on.
    """

    finding: Finding
    first_seen: str
    is_open: bool = True
    exposure: int = 1
    clean: int = 0
    turns: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


Key = tuple[str, str, str, str]
"""Operation, the place of the objects, location, trait."""
ObjectKey = tuple[str, str, str]
"""Operation, the place of the objects, digest."""


@dataclass(frozen=True, slots=True)
class Night:
    """One finished night. `succeeded` means that it could check what it was about."""

    number: int
    started_at: str
    seconds: float
    target: str
    verdict: str
    sent: int
    succeeded: bool


@dataclass
class Records:
    """Everything that a baseline holds.

    `objects` gives, for each known object, the night of the last sight and its traits' numbers (see `packed`).
    `tallies` are the counts of each place by operation and location; those of the kind `seen` are named `samples`,
    `present` and `nulls`.
    """

    salt: bytes
    nights: list[Night] = field(default_factory=list)
    operations: dict[str, OperationRecord] = field(default_factory=dict)
    traits: dict[Key, TraitRecord] = field(default_factory=dict)
    objects: dict[ObjectKey, tuple[int, bytes]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], dict[str, Counter[str]]] = field(default_factory=dict)
    findings: dict[str, FindingRecord] = field(default_factory=dict)
