"""What happens in the world that a webhook tells of: recognised after a write, or made to happen.

Which change is which event is declared in `happenings.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from whopwatch.contract import Contract, Event
from whopwatch.simulator.generate import Reference
from whopwatch.simulator.relations import data
from whopwatch.simulator.values import iso
from whopwatch.simulator.world import Entity, World

Values = Mapping[str, Any]
MOVES_ALONE = frozenset({"updated_at"})
"""Fields whose change is nobody's news."""

_MEANT = ("$now", "$not")


class Happening(NamedTuple):
    """An event, and the object that it is about."""

    event: Event
    entity: Entity


@dataclass(frozen=True, slots=True)
class Seen:
    """One object as it was."""

    entity: Entity
    values: Values


Snapshot = Mapping[Reference, Seen]


@cache
def declared() -> Mapping[str, Mapping[str, Any]]:
    """The rule of each event, as it is declared."""
    return data("happenings.toml")


class Happenings:
    """Looks at the tables of one world that events are about."""

    def __init__(self, contract: Contract, world: World) -> None:
        self._world = world
        self._events: dict[str, list[Event]] = {}
        for event in contract.events.values():
            self._events.setdefault(event.resource, []).append(event)
        self._made = 0

    def snapshot(self) -> Snapshot:
        """The objects as they are now."""
        entities = (entity for table in self._events for entity in self._world.table(table).values())
        return {entity.reference: Seen(entity, dict(entity.values)) for entity in entities}

    def since(self, before: Snapshot) -> Iterator[Happening]:
        """The events that lie between a snapshot and now, in the order of the contract within a table."""
        now = self.snapshot()
        for reference in (*before, *(one for one in now if one not in before)):
            old, new = before.get(reference), now.get(reference)
            was, is_ = old.values if old else None, new.values if new else None
            if was != is_:
                entity = (new or before[reference]).entity
                for event in self._events[reference.table]:
                    if _is(declared()[event.name], was, is_):
                        yield Happening(event, entity)

    def prepare(self, event: Event) -> Entity | None:
        """The object of the key's company that `event` can happen to; a new one where none will do.

        None for an event that is about a new object itself.
        """
        rule = declared()[event.name]
        if rule.get("on") == "created":
            return None
        there = rule.get("when") or {name: value for name, value in rule.get("set", {}).items() if value not in _MEANT}
        self._made += 1
        fitting = [one for one in self._world.own(event.resource) if not (there and _agrees(one.values, there))]
        if fitting:
            return fitting[self._made % len(fitting)]
        while True:
            created = self._world.create(event.resource)
            if not (there and _agrees(created.values, there)):
                return created

    def make(self, event: Event, subject: Entity | None) -> None:
        """Let `event` happen to what `prepare` has found for it."""
        rule, world = declared()[event.name], self._world
        if subject is None:
            world.create(event.resource)
        elif rule.get("on") == "deleted":
            world.delete(subject)
        else:
            for name, value in {**_first(rule.get("when", {})), **rule.get("set", {})}.items():
                if value in _MEANT:
                    value = iso(world.now) if value == "$now" else not subject.values.get(name)
                if name in world.fields(subject):
                    world.put(subject, name, value)


def _is(rule: Mapping[str, Any], was: Values | None, is_: Values | None) -> bool:
    """Whether the change of an object from `was` to `is_` (None: not there) is what a rule asks for."""
    on = rule.get("on", "became")
    if on in ("created", "deleted"):
        return (was, is_).index(None) == ("created", "deleted").index(on) if None in (was, is_) else False
    if is_ is None:
        return False
    if on == "became":
        return _agrees(is_, rule["when"]) and not (was and _agrees(was, rule["when"]))
    if was is None:
        return False
    names = rule.get("fields") or (was.keys() | is_.keys()) - MOVES_ALONE
    return any(was.get(name) != is_.get(name) for name in names)


def _agrees(values: Values, when: Mapping[str, Any]) -> bool:
    return all(values.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in when.items())


def _first(when: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[0] if isinstance(value, list) else value for name, value in when.items()}
