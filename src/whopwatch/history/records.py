"""The records that a baseline keeps from night to night. Nights are numbered from 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from whopwatch.core.finding import Finding
from whopwatch.core.report import State


@dataclass
class TraitRecord:
    """The counts of one trait of one kind of object, up to and including the latest night.

    `number` is the trait's index wherever traits are listed. `eligible` objects could have had the trait and `hits` of
    them had it, as of the night on which it was last seen. Since then it was missing from `new_misses` new objects and
    `lost` known ones (both are effective counts, see `AbsenceRule.effective`), that is from `gap` objects in all.
    `longest_gap` is the greatest gap so far. `is_unexpected` marks a trait that appeared where it had never been.
    """

    number: int
    eligible: int = 0
    hits: int = 0
    new_misses: float = 0.0
    lost: float = 0.0
    gap: int = 0
    longest_gap: int = 0
    first_night: int = 0
    last_night: int = 0
    is_unexpected: bool = False


@dataclass
class OperationRecord:
    """The history of one operation. `states` and `latencies` (seconds) are those of the latest nights, oldest first.

    `verified_night` is the last night that could check it, whether it matched or not (0 for never), `unverified` counts
    the nights since. `matched_night` is the last night in the state verified (0 if none is known). `changes` counts the
    nights on which one of its findings appeared, got worse or was fixed. `met` are the ids of undocumented rules that
    its responses met on some night, `checked` the night on which each of its checks last ran; a check that
    never ran has the night before it was first known. `contract` names the contract of this history if the latest
    nights used another one and could not verify the operation, else it is empty.
    """

    verified_night: int = 0
    unverified: int = 0
    changes: int = 0
    states: list[State] = field(default_factory=list)
    latencies: list[float | None] = field(default_factory=list)
    met: list[str] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    contract: str = ""
    matched_night: int = 0


@dataclass
class FindingRecord:
    """The life of one finding: `finding` is its latest evidence.

    `exposure` counts the samples of that night that could have shown it, `clean` those since then that did not.
    `turns` are the nights on which it appeared or was fixed, `digests` those of the undocumented values behind it.
    """

    finding: Finding
    first_seen: str
    is_open: bool = True
    exposure: int = 1
    clean: int = 0
    turns: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


@dataclass
class VersionRecord:
    """A version of the API that a night saw in the list of supported ones.

    `first_seen` is the start of that night (UTC). `is_listed` says whether the latest list had it.
    """

    first_seen: str
    is_listed: bool = True


TraitKey = tuple[str, str, str, str]
"""Operation, the objects' location in the response, the field's location, trait."""
ObjectKey = tuple[str, str, str]
"""Operation, the objects' location in the response, digest of the object's id or content."""


@dataclass(frozen=True, slots=True)
class Night:
    """One finished night. `succeeded` is true if the run checked what it was meant to check."""

    number: int
    started_at: str
    seconds: float
    target: str
    verdict: str
    sent: int
    succeeded: bool


@dataclass
class Records:
    """Everything that a baseline holds. It holds no value of any response.

    `owner` is the API and the company of the nights (see `history/nightly.py`), empty until the first night.
    `objects` maps each known object to the night on which it was last seen and the numbers of its traits (see
    `encode_delta_varints`). `tallies` are counts by operation and location; those of the kind `seen` are named
    `samples`, `present` and `nulls`. `contract` names the contract of the latest night that verified something.
    `versions` are the supported versions of the API that nights have seen.
    """

    salt: bytes
    owner: str = ""
    contract: str = ""
    versions: dict[str, VersionRecord] = field(default_factory=dict)
    nights: list[Night] = field(default_factory=list)
    operations: dict[str, OperationRecord] = field(default_factory=dict)
    traits: dict[TraitKey, TraitRecord] = field(default_factory=dict)
    objects: dict[ObjectKey, tuple[int, bytes]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], dict[str, Counter[str]]] = field(default_factory=dict)
    findings: dict[str, FindingRecord] = field(default_factory=dict)
    _last_trait: int = field(default=0, repr=False, compare=False)

    def next_trait_number(self) -> int:
        """Return a number that no trait has, and that no trait of this run had."""
        self._last_trait = 1 + (self._last_trait or max((record.number for record in self.traits.values()), default=0))
        return self._last_trait

    def drop_operations(self, ids: Collection[str]) -> None:
        """Remove everything that is known of the operations `ids`."""
        self.operations = {id: record for id, record in self.operations.items() if id not in ids}
        self.traits = {key: record for key, record in self.traits.items() if key[0] not in ids}
        self.objects = {key: known for key, known in self.objects.items() if key[0] not in ids}
        self.tallies = {key: counts for key, counts in self.tallies.items() if key[0] not in ids}
        self.findings = {key: record for key, record in self.findings.items() if record.finding.operation not in ids}
