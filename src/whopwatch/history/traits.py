"""All traits of one night against all nights before: what no longer comes, and what never came before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whopwatch.core.finding import Confidence, Finding, Source
from whopwatch.history.packed import packed, unpacked
from whopwatch.history.records import Key, Night, ObjectKey, Records, TraitRecord
from whopwatch.history.rules import Rules, TraitRule
from whopwatch.history.sight import LINK, VALUE, Sight, Trait
from whopwatch.history.silence import Count, listen

KINDS = 12
"""Different details of one kind (beginnings, precisions) that are told apart at one place."""
FLEETING = "answer "
"""What the digest of an answer begins with: unlike an object it is never met again."""


@dataclass(frozen=True, slots=True)
class Met:
    """One object of this night: its traits, and the numbers of those it had before; None where it is new."""

    had: frozenset[Trait]
    before: frozenset[int] | None


def compare(records: Records, sights: Mapping[str, Sight], rules: Rules, night: Night) -> Iterator[Finding]:
    """Take in what was seen of each operation; a finding for each trait that is drift, some perhaps of one place."""
    known: dict[tuple[str, str], dict[Trait, TraitRecord]] = defaultdict(dict)
    for (operation, node, location, trait), record in records.traits.items():
        known[operation, node][location, trait] = record
    for operation, sight in sights.items():
        nodes: dict[str, dict[str, set[Trait]]] = defaultdict(dict)
        for (node, digest), had in sight.units.items():
            nodes[node][digest] = had
        for node, units in nodes.items():
            yield from _Comparison(records, operation, node, units, known[operation, node], rules, night).run()


class _Comparison:
    """The objects at one place of one operation."""

    def __init__(
        self,
        records: Records,
        operation: str,
        node: str,
        units: Mapping[str, set[Trait]],
        known: dict[Trait, TraitRecord],
        rules: Rules,
        night: Night,
    ) -> None:
        self._records, self._operation, self._node = records, operation, node
        self._known, self._rules, self._night = known, rules, night
        self._met = {digest: Met(frozenset(had), self._before(digest)) for digest, had in units.items()}
        self._kinds = Counter((location, _kind(name)) for location, name in known)

    def run(self) -> Iterator[Finding]:
        """The findings; afterwards the records are those of the night after."""
        units = {trait: record.hits for trait, record in self._known.items()}
        tonight = {trait for met in self._met.values() for trait in met.had}
        for trait in sorted(tonight | self._known.keys()):
            is_link = trait[1] == VALUE and ((trait[0], LINK) in tonight or (trait[0], LINK) in self._known)
            rule = self._rules.traits.get("linked" if is_link else _kind(trait[1]))
            record = self._known.get(trait) or self._new(trait)
            if record is None:
                continue
            condition = condition_of(trait, rule) if rule else trait
            if condition not in self._known and condition not in tonight:
                condition = (
                    trait  # what every object has to have is never missed here: the contract is checked elsewhere
                )
            count = self._count(trait, condition, record.number, units.get(condition, 0))
            if rule is None:
                record.hits += count.fresh_with + count.gained
            elif listen(record, count, rule, self._rules.evidence, self._night.number):
                yield self._finding(trait, rule, record, count)
        self._keep()

    def _before(self, digest: str) -> frozenset[int] | None:
        known = self._records.objects.get((self._operation, self._node, digest))
        return unpacked(known[1]) if known else None

    def _new(self, trait: Trait) -> TraitRecord | None:
        """A record for a trait that was never seen; None where one place has too many of its kind."""
        place = trait[0], _kind(trait[1])
        if self._kinds[place] >= KINDS:
            return None
        self._kinds[place] += 1
        record = TraitRecord(number=len(self._records.traits) + 1)
        self._records.traits[self._key(trait)] = self._known[trait] = record
        return record

    def _key(self, trait: Trait) -> Key:
        return self._operation, self._node, *trait

    def _count(self, trait: Trait, condition: Trait, number: int, units: int) -> Count:
        fresh = fresh_with = lost = gained = kept = 0
        for met in self._met.values():
            if condition not in met.had:
                continue
            having = trait in met.had
            if met.before is None:
                fresh += 1
                fresh_with += having
            elif number in met.before:
                kept += having
                lost += not having
            else:
                gained += having
        return Count(units, fresh, fresh_with, lost, gained, kept)

    def _keep(self) -> None:
        """Remember the objects of this night."""
        for digest, met in self._met.items():
            if not digest.startswith(FLEETING):
                numbers = (self._known[trait].number for trait in met.had if trait in self._known)
                self._records.objects[self._operation, self._node, digest] = self._night.number, packed(numbers)

    def _finding(self, trait: Trait, rule: TraitRule, record: TraitRecord, count: Count) -> Finding:
        gone = not record.foreign
        samples = record.gap if gone else count.fresh + count.gained + count.kept
        violations = record.gap if gone else count.having
        shown = f"none of {record.gap} since, {record.hits} of {record.units} before"
        return Finding(
            drift_class=rule.drift_class,
            check="memory",
            severity=rule.severity,
            operation=self._operation,
            location=trait[0],
            expected=rule.expected,
            observed=rule.observed,
            message=f"{self._operation}: {trait[0]} {rule.what} ({shown if gone else f'{violations} of {samples}'}).",
            samples=samples,
            violations=violations,
            confidence=Confidence.CONFIRMED,
            source=Source.LIVE_LIVE,
        )


def _kind(name: str) -> str:
    return name.partition(":")[0]


def condition_of(trait: Trait, rule: TraitRule) -> Trait:
    """The trait that an object has to have for `trait` to be missed."""
    location, name = trait
    if rule.kind == "header":
        return "header", rule.condition
    if rule.kind == "size":
        return location, f"{rule.condition}:{name.split(':')[1]}"
    return location, rule.condition


def forget(objects: dict[ObjectKey, tuple[int, bytes]], kept: int) -> None:
    """Leave only the `kept` objects of each place that were met last."""
    places: dict[tuple[str, str], list[ObjectKey]] = defaultdict(list)
    for key in objects:
        places[key[:2]].append(key)
    for keys in places.values():
        keys.sort(key=lambda key: -objects[key][0])
        for key in keys[kept:]:
            del objects[key]
