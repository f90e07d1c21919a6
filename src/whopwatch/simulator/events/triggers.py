"""Recognise webhook events in the changes of the world, and change the world so that an event occurs.

`simulator.toml` of the edition declares which change triggers which event. Without a declaration the name of the event
decides: `created`, `deleted`, `updated`, or a value of the object's status. Any other event occurs only on demand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from whopwatch.contract import Contract, Event
from whopwatch.simulator.declarations import Rule
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, iso

Values = Mapping[str, Any]
IGNORED_CHANGES = frozenset({"updated_at"})
"""Fields whose change alone triggers no event."""

_COMPUTED = ("$now", "$not")


class EmittedEvent(NamedTuple):
    """An event that occurred, and the object that it is about."""

    event: Event
    entity: Entity


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object, and its values at some time."""

    entity: Entity
    values: Values


Snapshot = Mapping[EntityRef, ObjectState]


class EventTriggers:
    """Compares the tables of one world that events are about."""

    def __init__(self, contract: Contract, world: World) -> None:
        self._world = world
        self._events: dict[str, list[Event]] = {}
        for event in contract.events.values():
            if event.resource in world.shapes:
                self._events.setdefault(event.resource, []).append(event)
        self._prepared = 0

    def snapshot(self) -> Snapshot:
        """Return the current state of the objects."""
        entities = (entity for table in self._events for entity in self._world.table(table).values())
        return {entity.reference: ObjectState(entity, dict(entity.values)) for entity in entities}

    def since(self, before: Snapshot) -> Iterator[EmittedEvent]:
        """Yield the events that occurred after `before`, in the order of the contract within a table."""
        now = self.snapshot()
        for reference in (*before, *(one for one in now if one not in before)):
            old, new = before.get(reference), now.get(reference)
            old_values, new_values = old.values if old else None, new.values if new else None
            if old_values != new_values:
                entity = (new or before[reference]).entity
                for event in self._events[reference.table]:
                    if _triggers(self._rule(event), old_values, new_values):
                        yield EmittedEvent(event, entity)

    def prepare(self, event: Event) -> Entity | None:
        """Return an object of the key's account that `event` can occur to, a new one if there is none.

        Return None for an event about the creation of an object.
        """
        rule = self._rule(event)
        if event.resource not in self._world.shapes:
            return Entity(event.resource, 0, "", self._world.now)
        if rule.get("on") == "created":
            return None
        fields = rule.get("when") or {
            name: value for name, value in rule.get("set", {}).items() if value not in _COMPUTED
        }
        self._prepared += 1
        fitting = [one for one in self._world.own(event.resource) if not (fields and _matches(one.values, fields))]
        if fitting:
            return fitting[self._prepared % len(fitting)]
        while True:
            created = self._world.create(event.resource)
            if not (fields and _matches(created.values, fields)):
                return created

    def trigger(self, event: Event, subject: Entity | None) -> None:
        """Change the world so that `event` occurs to `subject`, which `prepare` has returned."""
        rule, world = self._rule(event), self._world
        if subject is None:
            world.create(event.resource)
        elif rule.get("on") == "deleted":
            world.delete(subject)
        else:
            for name, value in {**_first_values(rule.get("when", {})), **rule.get("set", {})}.items():
                if value in _COMPUTED:
                    value = iso(world.now) if value == "$now" else not subject.values.get(name)
                if name in world.fields(subject):
                    world.put(subject, name, value)

    def _rule(self, event: Event) -> Rule:
        declared = self._world.declared.events.get(event.name)
        if declared is not None:
            return declared
        change = event.name.rpartition(".")[2]
        if change in ("created", "deleted"):
            return {"on": change}
        if change in ("updated", "changed"):
            return {"on": "changed"}
        for shape in self._world.shapes[event.resource].alternatives if event.resource in self._world.shapes else ():
            status = shape.fields.get("status")
            if status and change in (status.enum or ()):
                return {"when": {"status": change}}
        return {"on": "demand"}


def _triggers(rule: Rule, old: Values | None, new: Values | None) -> bool:
    """Check whether the change of an object from `old` to `new` (None: absent) matches a rule."""
    on = rule.get("on", "became")
    if on == "demand":
        return False
    if on in ("created", "deleted"):
        return (old, new).index(None) == ("created", "deleted").index(on) if None in (old, new) else False
    if new is None:
        return False
    if on == "became":
        return _matches(new, rule["when"]) and not (old and _matches(old, rule["when"]))
    if old is None:
        return False
    names = rule.get("fields") or (old.keys() | new.keys()) - IGNORED_CHANGES
    return any(old.get(name) != new.get(name) for name in names)


def _matches(values: Values, when: Mapping[str, Any]) -> bool:
    return all(values.get(name) in (wanted if isinstance(wanted, list) else [wanted]) for name, wanted in when.items())


def _first_values(when: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[0] if isinstance(value, list) else value for name, value in when.items()}
