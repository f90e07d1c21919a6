"""Detect traits that disappeared from responses, and traits that appeared where they had never been.

For each trait of each kind of object a sequential test asks: is it missing for longer than chance explains?
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whopwatch.core.finding import Confidence, Finding, Source
from whopwatch.history.profile import LINK, VALUE, OperationProfile, Trait
from whopwatch.history.records import Night, ObjectKey, Records, TraitKey, TraitRecord
from whopwatch.history.rules import (
    AbsenceRule,
    HistoryRules,
    TraitRule,
    log_likelihood,
    log_likelihood_none,
)
from whopwatch.history.store import decode_delta_varints, encode_delta_varints

MAX_DETAILS = 12
"""Different details of one kind of trait (prefixes, precisions) that are tracked at one location."""
EPHEMERAL = "answer "
"""The prefix of the reference of a response. Unlike an object it never occurs again, so it is not stored."""


@dataclass(frozen=True, slots=True)
class NightCounts:
    """The counts of one trait on one night, among the objects that could have it.

    `new` objects were never seen before and `new_with` of them have the trait. Of the objects seen before, `lost` had
    it and do not any more, `gained` did not and do now, `kept` still do. `eligible` is the number of different objects
    before this night.
    """

    eligible: int = 0
    new: int = 0
    new_with: int = 0
    lost: int = 0
    gained: int = 0
    kept: int = 0

    @property
    def with_trait(self) -> int:
        """The number of objects that have the trait on this night."""
        return self.new_with + self.gained + self.kept


def update_absence_test(
    record: TraitRecord, counts: NightCounts, trait: TraitRule, rule: AbsenceRule, night: int
) -> bool:
    """Add one night to `record`. Return True if the trait is missing for too long, or is there unexpectedly."""
    if trait.may_appear and _is_unexpected(record, counts, rule):
        record.is_unexpected, record.last_night = True, night
        return True
    if counts.with_trait:
        _add_presence(record, counts, night)
        return False
    record.is_unexpected = False
    if not record.hits:
        record.eligible = counts.eligible + counts.new
        return False
    return _add_absence(record, counts, trait, rule)


def _is_unexpected(record: TraitRecord, counts: NightCounts, rule: AbsenceRule) -> bool:
    appeared = counts.new_with + counts.gained
    if record.is_unexpected:
        return counts.with_trait > 0
    if record.hits or not appeared:
        return False
    shown = counts.new + counts.gained
    worth = rule.effective(shown)
    return log_likelihood(counts.eligible, 0, worth, worth * appeared / shown) < rule.limit


def _add_presence(record: TraitRecord, counts: NightCounts, night: int) -> None:
    record.eligible = counts.eligible + counts.new
    record.hits = min(record.eligible, record.hits + counts.new_with + counts.gained)
    record.longest_gap = max(record.longest_gap, record.gap)
    record.new_misses, record.lost, record.gap = 0.0, 0.0, 0
    record.first_night = record.first_night or night
    record.last_night = night


def _add_absence(record: TraitRecord, counts: NightCounts, trait: TraitRule, rule: AbsenceRule) -> bool:
    new = counts.new if trait.counts_new else 0
    lost = counts.lost if trait.counts_lost else 0
    missing = new + lost
    if missing:
        worth = rule.effective(missing) / missing
        record.new_misses += new * worth
        record.lost += lost * worth
        record.gap += missing
    # A field that comes in bursts may rest between them, so the gap must also be far longer than any before it.
    return absence_likelihood(record, rule) < rule.limit and record.gap >= rule.gap_factor * record.longest_gap


def absence_likelihood(record: TraitRecord, rule: AbsenceRule) -> float:
    """Return the log-likelihood of the current gap if nothing has changed."""
    return log_likelihood_none(record.eligible, record.hits, record.new_misses) + record.lost * rule.log_loss


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object of this night: its traits, and the numbers of those it had before; None if it is new."""

    traits: frozenset[Trait]
    before: frozenset[int] | None


def find_trait_changes(
    records: Records, profiles: Mapping[str, OperationProfile], rules: HistoryRules, night: Night
) -> Iterator[Finding]:
    """Yield a finding for each trait that disappeared or appeared. Afterwards `records` hold this night's traits."""
    known: dict[tuple[str, str], dict[Trait, TraitRecord]] = defaultdict(dict)
    for (operation, node, location, trait), record in records.traits.items():
        known[operation, node][location, trait] = record
    for operation, profile in profiles.items():
        nodes: dict[str, dict[str, set[Trait]]] = defaultdict(dict)
        for (node, digest), traits in profile.objects.items():
            nodes[node][digest] = traits
        for node, objects in nodes.items():
            yield from _NodeComparison(records, operation, node, objects, known[operation, node], rules, night).run()


class _NodeComparison:
    """Compares the objects at one location of one operation with those of earlier nights."""

    def __init__(
        self,
        records: Records,
        operation: str,
        node: str,
        objects: Mapping[str, set[Trait]],
        known: dict[Trait, TraitRecord],
        rules: HistoryRules,
        night: Night,
    ) -> None:
        self._records, self._operation, self._node = records, operation, node
        self._known, self._rules, self._night = known, rules, night
        self._objects = {
            digest: SeenObject(frozenset(traits), self._traits_before(digest)) for digest, traits in objects.items()
        }
        self._details = Counter((location, _kind(name)) for location, name in known)

    def run(self) -> Iterator[Finding]:
        """Yield the findings and update the records."""
        eligible = {trait: record.hits for trait, record in self._known.items()}
        tonight = {trait for seen in self._objects.values() for trait in seen.traits}
        for trait in sorted(tonight | self._known.keys()):
            rule = self._rule_of(trait, tonight)
            record = self._known.get(trait) or self._new_record(trait)
            if record is None:
                continue
            condition = condition_of(trait, rule) if rule else trait
            if condition not in self._known and condition not in tonight:
                # Required properties have no condition: the schema check reports missing ones.
                condition = trait
            counts = self._count(trait, condition, record.number, eligible.get(condition, 0))
            if rule is None:
                record.hits += counts.new_with + counts.gained
            elif update_absence_test(record, counts, rule, self._rules.absence, self._night.number):
                yield self._finding(trait, rule, record, counts)
        self._store_objects()

    def _rule_of(self, trait: Trait, tonight: set[Trait]) -> TraitRule | None:
        location, name = trait
        link = location, LINK
        if name == VALUE and (link in tonight or link in self._known):
            return self._rules.traits["linked"]
        return self._rules.traits.get(_kind(name))

    def _traits_before(self, digest: str) -> frozenset[int] | None:
        known = self._records.objects.get((self._operation, self._node, digest))
        return decode_delta_varints(known[1]) if known else None

    def _new_record(self, trait: Trait) -> TraitRecord | None:
        """Return a record for a trait never seen before; None if its location has too many of its kind."""
        place = trait[0], _kind(trait[1])
        if self._details[place] >= MAX_DETAILS:
            return None
        self._details[place] += 1
        record = TraitRecord(number=self._records.next_trait_number())
        self._records.traits[self._key(trait)] = self._known[trait] = record
        return record

    def _key(self, trait: Trait) -> TraitKey:
        return self._operation, self._node, *trait

    def _count(self, trait: Trait, condition: Trait, number: int, eligible: int) -> NightCounts:
        new = new_with = lost = gained = kept = 0
        for seen in self._objects.values():
            if condition not in seen.traits:
                continue
            has_it = trait in seen.traits
            if seen.before is None:
                new += 1
                new_with += has_it
            elif number in seen.before:
                kept += has_it
                lost += not has_it
            else:
                gained += has_it
        return NightCounts(eligible, new, new_with, lost, gained, kept)

    def _store_objects(self) -> None:
        for digest, seen in self._objects.items():
            if not digest.startswith(EPHEMERAL):
                numbers = (self._known[trait].number for trait in seen.traits if trait in self._known)
                encoded = encode_delta_varints(numbers)
                self._records.objects[self._operation, self._node, digest] = self._night.number, encoded

    def _finding(self, trait: Trait, rule: TraitRule, record: TraitRecord, counts: NightCounts) -> Finding:
        disappeared = not record.is_unexpected
        samples = record.gap if disappeared else counts.new + counts.gained + counts.kept
        violations = record.gap if disappeared else counts.with_trait
        evidence = (
            f"0 of {record.gap} now, {record.hits} of {record.eligible} before"
            if disappeared
            else f"{violations} of {samples}"
        )
        return Finding(
            drift_class=rule.drift_class,
            check="memory",
            severity=rule.severity,
            operation=self._operation,
            location=trait[0],
            expected=rule.expected,
            observed=rule.observed,
            message=f"{self._operation}: {trait[0]} {rule.message} ({evidence}).",
            samples=samples,
            violations=violations,
            confidence=Confidence.CONFIRMED,
            source=Source.LIVE_LIVE,
        )


def _kind(trait_name: str) -> str:
    return trait_name.partition(":")[0]


def condition_of(trait: Trait, rule: TraitRule) -> Trait:
    """Return the trait that an object must have before `trait` can be missing from it."""
    location, name = trait
    if rule.kind == "header":
        return "header", rule.condition
    if rule.kind == "size":
        return location, f"{rule.condition}:{name.split(':')[1]}"
    return location, rule.condition


def drop_oldest_objects(objects: dict[ObjectKey, tuple[int, bytes]], kept: int) -> None:
    """Remove all but the `kept` most recently seen objects of each location."""
    places: dict[tuple[str, str], list[ObjectKey]] = defaultdict(list)
    for key in objects:
        places[key[:2]].append(key)
    for keys in places.values():
        keys.sort(key=lambda key: -objects[key][0])
        for key in keys[kept:]:
            del objects[key]
