"""One trait on one night: whether it was seen, how long it has not been, and whether that can be an accident."""

from __future__ import annotations

from dataclasses import dataclass

from whopwatch.history.records import TraitRecord
from whopwatch.history.rules import Evidence, TraitRule, log_none, log_some


@dataclass(frozen=True, slots=True)
class Count:
    """What one night showed of a trait, among the objects that could have it.

    `fresh` were never met before and `fresh_with` of them have it. Of those met before, `lost` had it and do not any
    more, `gained` did not and do, `kept` still do. `units` is how many different objects there were before this night.
    """

    units: int = 0
    fresh: int = 0
    fresh_with: int = 0
    lost: int = 0
    gained: int = 0
    kept: int = 0

    @property
    def having(self) -> int:
        """How many objects had it."""
        return self.fresh_with + self.gained + self.kept


def listen(record: TraitRecord, count: Count, rule: TraitRule, evidence: Evidence, night: int) -> bool:
    """Take one night in; returns whether the trait is drift: gone for too long, or there though it never was."""
    if rule.appears and _is_foreign(record, count, evidence):
        record.foreign, record.last_night = True, night
        return True
    if count.having:
        _heard(record, count, night)
        return False
    record.foreign = False
    if not record.hits:
        record.units = count.units + count.fresh
        return False
    return _missed(record, count, rule, evidence)


def _is_foreign(record: TraitRecord, count: Count, evidence: Evidence) -> bool:
    new = count.fresh_with + count.gained
    if record.foreign:
        return count.having > 0
    if record.hits or not new:
        return False
    shown = count.fresh + count.gained
    worth = evidence.effective(shown)
    return log_some(count.units, 0, worth, worth * new / shown) < evidence.limit


def _heard(record: TraitRecord, count: Count, night: int) -> None:
    record.units = count.units + count.fresh
    record.hits = min(record.units, record.hits + count.fresh_with + count.gained)
    record.longest = max(record.longest, record.gap)
    record.quiet, record.lost, record.gap = 0.0, 0.0, 0
    record.first_night = record.first_night or night
    record.last_night = night


def _missed(record: TraitRecord, count: Count, rule: TraitRule, evidence: Evidence) -> bool:
    fresh, lost = count.fresh if rule.fresh else 0, count.lost if rule.losses else 0
    missing = fresh + lost
    if missing:
        worth = evidence.effective(missing) / missing
        record.quiet += fresh * worth
        record.lost += lost * worth
        record.gap += missing
    return likelihood(record, evidence) < evidence.limit and record.gap >= evidence.gap * record.longest


def likelihood(record: TraitRecord, evidence: Evidence) -> float:
    """The logarithm of how likely the silence is where nothing has changed."""
    return log_none(record.units, record.hits, record.quiet) + record.lost * evidence.log_loses
