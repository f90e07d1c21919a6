"""The simulated world: tables of objects that hang together, made from a seed and changed by writes.

The same seed makes the same world byte for byte, whatever is asked for first: an object depends on the seed, its
table and its number alone, and on the objects that its declared relations lead to.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from whopwatch.contract import Contract
from whopwatch.simulator.declarations import Declarations, declarations_of, singular_of
from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.sizes import table_sizes
from whopwatch.simulator.world.values import EntityRef, ValueMaker, iso, offset, random_text
from whopwatch.simulator.world.views import Views, views_of

DEFAULT_ITEMS = 30
FOREIGN = 3
"""Objects of each table that belong to another company: what a filter by company has to leave out."""
EPOCH_MS = 1_735_689_600_000
NOW_MS = 1_767_225_600_000
"""The world begins on 2025-01-01 and what a client writes happens from 2026-01-01 on, a second apart."""


@dataclass(eq=False)
class Entity:
    """One object. `values` is what views show, `raw` the references before any of them was made null.

    `index` orders the objects of a table by creation, `created` is that moment in milliseconds. `is_new` is whether it
    was written, and not made by the seed.
    """

    table: str
    index: int
    id: str
    created: int
    values: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict)
    is_new: bool = False

    @property
    def reference(self) -> EntityRef:
        """What other objects store to point at this one."""
        return EntityRef(self.table, self.id)


class World:
    """All objects by table and id.

    `items` is how many each list of the company holds; None for the default, more where an enum would not be met
    otherwise. With 0 there is a company, its owner, and nothing else.
    """

    def __init__(self, contract: Contract, *, seed: int = 0, items: int | None = None) -> None:
        self.seed = seed
        self.declared = declarations_of(contract)
        self.views = views_of(contract)
        self.shapes: Mapping[str, FieldNode] = self.views.shapes
        self.version = 0
        self._sizes = table_sizes(self.shapes, self.declared, DEFAULT_ITEMS if items is None else items, items is None)
        self._popular = popular_fields(contract, self.views, self.declared)
        self._tables: dict[str, dict[str, Entity]] = {}
        self._deleted: dict[EntityRef, Entity] = {}
        self._children: dict[tuple[str, str], dict[EntityRef, list[Entity]]] = {}
        self._by_stem = {singular_of(table): table for table in self.shapes}
        self._ids: dict[tuple[str, int], str] = {}
        self._by_id: dict[str, dict[str, int]] = {}
        self._made: dict[tuple[str, int], Entity] = {}

    # Reading

    @cached_property
    def company(self) -> EntityRef:
        """The company that the key belongs to: the newest one."""
        return EntityRef("companies", self.id("companies", self._span("companies")[1] - 1))

    def table(self, name: str) -> dict[str, Entity]:
        """The objects of a table by id, the oldest first."""
        known = self._tables.get(name)
        if known is None:
            known = {id: self._generated(name, index) for id, index in self._numbers(name).items()}
            self._tables[name] = known
        return known

    def own(self, name: str) -> list[Entity]:
        """The objects of a table that belong to the company of the key, the oldest first."""
        foreign, _ = self._span(name)
        return [entity for entity in self.table(name).values() if entity.index >= foreign]

    def get(self, reference: EntityRef) -> Entity | None:
        """The object that `reference` names, None where it was deleted or never was."""
        table = self._tables.get(reference.table)
        if table is not None:
            return table.get(reference.id)
        index = self._numbers(reference.table).get(reference.id)
        return None if index is None else self._generated(reference.table, index)

    def resolve(self, reference: EntityRef) -> Entity:
        """The object that `reference` names, be it deleted or made up."""
        return self.get(reference) or self._deleted.get(reference) or self.made_up(reference)

    def made_up(self, reference: EntityRef) -> Entity:
        """The object that would have this id: the same for the same id, and in no list."""
        index = offset(self.seed, reference.table, reference.id)
        return self._entity(reference.table, index, reference.id)

    def children(self, table: str, through: str, parent: EntityRef) -> list[Entity]:
        """The objects of `table` whose field `through` shows `parent`, the oldest first."""
        index = self._children.get((table, through))
        if index is None:
            index = self._children[table, through] = {}
            for entity in self.table(table).values():
                value = entity.values.get(through)
                for reference in value if isinstance(value, list) else (value,):
                    if isinstance(reference, EntityRef):
                        index.setdefault(reference, []).append(entity)
        return index.get(parent, [])

    def follow(self, entity: Entity, path: str, *, shown: bool = True) -> Iterator[Any]:
        """The values at the end of a path, flattened; with `shown` false also through references that are null."""
        values: Iterable[Any] = [entity]
        for step in path.split("."):
            values = list(self._step(values, step, shown))
        yield from values

    def _step(self, values: Iterable[Any], step: str, shown: bool) -> Iterator[Any]:
        for value in values:
            holder = self.resolve(value) if isinstance(value, EntityRef) else value
            if "@" in step:
                table, _, through = step.partition("@")
                yield from (child.reference for child in self.children(table, through, holder.reference))
                continue
            if isinstance(holder, Entity):
                found = None if shown else holder.raw.get(step)
                found = self.value(holder, step) if found is None else found
            else:
                found = holder.get(step) if isinstance(holder, dict) else None
            yield from found if isinstance(found, list) else [] if found is None else [found]

    def created(self, entity: Entity) -> str:
        """When an object was made, also where no view tells it."""
        return iso(entity.created)

    def value(self, entity: Entity, name: str) -> Any:
        """What a field of an object holds, counts and lists of other objects included."""
        children = self.declared.children.get(entity.table, {}).get(name)
        counted = self.declared.counts.get(entity.table, {}).get(name)
        if children or counted:
            table, _, through = (children or counted or "").partition("@")
            found = self.children(table, through, entity.reference)
            return [child.reference for child in found] if children else len(found)
        return entity.values.get(name)

    # Writing

    @property
    def now(self) -> int:
        """The moment of the next write, in milliseconds."""
        return NOW_MS + 1000 * self.version

    def create(self, table: str) -> Entity:
        """A new object of `table`, filled as the others are; the caller sets what the client asked for."""
        index = len(self.table(table)) + sum(reference.table == table for reference in self._deleted)
        entity = self._entity(table, index, created=self.now)
        self._tables[table][entity.id] = entity
        self.touch()
        return entity

    def delete(self, entity: Entity) -> None:
        """Take the object out of its table. References that cannot be null still show what it was."""
        self._deleted[entity.reference] = self.table(entity.table).pop(entity.id)
        self.touch()

    def discard(self, entity: Entity) -> None:
        """Take the object away as if it had never been."""
        self.table(entity.table).pop(entity.id, None)
        self.touch()

    @contextmanager
    def undeleted(self, table: str) -> Iterator[None]:
        """The deleted objects of a table are there again, for a while."""
        deleted = {one.id: entity for one, entity in self._deleted.items() if one.table == table}
        self.table(table).update(deleted)
        self._children.clear()
        yield
        for id in deleted:
            del self._tables[table][id]
        self._children.clear()

    def put(self, entity: Entity, name: str, value: Any) -> None:
        """Set one field."""
        entity.values[name] = value
        if name in entity.raw:
            entity.raw[name] = value
        self.touch()

    def touch(self) -> None:
        """Note that something changed."""
        self.version += 1
        self._children.clear()

    def refollow(self, entity: Entity, given: set[str]) -> None:
        """Let the fields that follow from the `given` ones follow again, unless they are given themselves."""
        fields = self.fields(entity)
        for name, path in self.declared.follow.get(entity.table, {}).items():
            if name in fields and name not in given and path.split(".")[0] in given:
                value = self._followed(entity, path, fields[name], entity.index)
                if value is not None:
                    self.put(entity, name, value)
                    entity.raw[name] = value
                    given.add(name)

    def fields(self, entity: Entity) -> Mapping[str, FieldNode]:
        """The fields that an object can have: those of its variant, where its table has several."""
        shape = self.shapes[entity.table]
        return (variant_of(shape, entity.index) if shape.kind == "union" else shape).fields

    def table_named(self, field_name: str) -> str | None:
        """The table that the name of an id field speaks of: `products` for `product_id` and `product_ids`."""
        stem = field_name.removesuffix("s").removesuffix("_id")
        return self._by_stem.get(stem) if field_name.removesuffix("s").endswith("_id") else None

    def is_deleted(self, reference: EntityRef) -> bool:
        """Whether the object was there and is no more."""
        return reference in self._deleted

    # Making

    def id(self, table: str, index: int) -> str:
        """The id of the object with this number, known before the object is made."""
        known = self._ids.get((table, index))
        if known is None:
            shape = self.shapes[table]
            fields = shape.variants[0].fields if shape.variants else shape.fields
            prefix = fields["id"].prefix if "id" in fields else None
            suffix = random_text("alnum", 14, random.Random(f"{self.seed}:{table}:{index}"))  # noqa: S311
            known = self._ids[table, index] = (prefix or "") + suffix
        return known

    def _span(self, table: str) -> tuple[int, int]:
        """The number of foreign objects of a table, and of all."""
        size = self._sizes.get(table, 0)
        foreign = FOREIGN if size and _belongs(self.shapes[table]) and table != "companies" else 0
        return foreign, size + foreign

    def _numbers(self, table: str) -> dict[str, int]:
        """The number of each object of a table that the seed makes, by id."""
        known = self._by_id.get(table)
        if known is None:
            known = self._by_id[table] = {self.id(table, n): n for n in range(self._span(table)[1])}
        return known

    def _generated(self, table: str, index: int) -> Entity:
        """The object with this number, made once, alone: its table may still be in the making."""
        known = self._made.get((table, index))
        if known is None:
            known = self._made[table, index] = self._entity(table, index)
        return known

    def _entity(self, table: str, index: int, id: str | None = None, created: int | None = None) -> Entity:
        shape = self.shapes[table]
        rng = random.Random(f"{self.seed}:{table}:{index}:fields")  # noqa: S311
        pace = 3_600_000 * (4 + offset(self.seed, table, "pace") % 12)
        moment = EPOCH_MS + index * pace + int(rng.random() * pace * 0.9) if created is None else created
        entity = Entity(table, index, id or self.id(table, index), moment, is_new=created is not None)
        maker = ValueMaker(self.seed, table, index, moment, rng, _Picker(self, entity).pick)
        tick = index
        if shape.kind == "union":
            tick = index // len(shape.variants)
            shape = variant_of(shape, index)
        self._fill(entity, shape, maker, tick)
        return entity

    def _fill(self, entity: Entity, shape: FieldNode, maker: ValueMaker, tick: int) -> None:
        follow = self.declared.follow.get(entity.table, {})
        computed = {**self.declared.children.get(entity.table, {}), **self.declared.counts.get(entity.table, {})}
        entity.values = {"id": entity.id}
        for name in sorted(shape.fields.keys() - follow.keys() - computed.keys() - {"id"}):
            self._set(entity, name, shape.fields[name], maker, tick)
        for name, path in follow.items():
            if name in shape.fields:
                self._set(entity, name, shape.fields[name], maker, tick, path)
        entity.values |= dict.fromkeys(computed)

    def _set(
        self, entity: Entity, name: str, node: FieldNode, maker: ValueMaker, tick: int, path: str | None = None
    ) -> None:
        """Make one field: what is there in any case goes to `raw`, what is shown to `values`."""
        shown = maker.make(node, name, tick)
        if node.resource == entity.table:
            # An object of its own kind: an older one, so that no two are each other's parents.
            shown = None if entity.index == 0 else shown
            entity.values[name] = entity.raw[name] = shown
            return
        followed = self._followed(entity, path, node, tick) if path else None
        if path and followed is None and node.nullable:
            shown = None
        elif followed is not None:
            shown = None if shown is None else followed
        if node.kind in ("reference", "id", "union"):
            there = shown if followed is None else followed
            entity.raw[name] = maker.present(node, name, tick, 0) if there is None else there
        entity.values[name] = shown

    def _followed(self, entity: Entity, path: str, node: FieldNode, tick: int) -> Any:
        if path.startswith("="):
            table = path.removeprefix("=")
            foreign, total = self._span(table)
            if foreign == total:
                return None
            number = entity.index - self._span(entity.table)[0]
            return self._there(entity, EntityRef(table, self.id(table, foreign + number % (total - foreign))))
        found = list(self.follow(entity, path, shown=node.kind not in ("reference", "id", "union")))
        if node.kind == "id":
            found = [value for value in found if isinstance(value, EntityRef) and value.table == node.resource]
        return found[tick % len(found)] if found else None

    def picked(self, entity: Entity, table: str, path: str, tick: int) -> EntityRef:
        """The object that a reference of `entity` points at: of the same company, spread evenly or concentrated."""
        if table == "companies" and path in ("company", "company_id"):
            ours = entity.index >= self._span(entity.table)[0]
            return self.company if ours else EntityRef("companies", self.id("companies", 0))
        if table == "companies" and path == "parent_company":
            return self.company
        foreign, total = self._span(table)
        low, high = foreign, total
        if foreign and entity.index < self._span(entity.table)[0]:
            low, high = 0, foreign
        if high <= low:
            return EntityRef(table, self.id(table, 0))
        if table == entity.table:
            number = entity.index // 2
        elif (entity.table, path) in self._popular and tick % 5 < 3:
            number = high - 1
        else:
            number = low + tick % (high - low)
        return self._there(entity, EntityRef(table, self.id(table, number)))

    def _there(self, entity: Entity, reference: EntityRef) -> EntityRef:
        """`reference`; of a new object, where that or what it points at is deleted, another of its table.

        What the seed makes points where it always does, whenever it is made.
        """
        if not (entity.is_new and self._deleted) or self._is_whole(reference):
            return reference
        rows = self.own(reference.table)
        there = [row for row in rows if self._is_whole(row.reference)] or rows
        return there[entity.index % len(there)].reference if there else reference

    def _is_whole(self, reference: EntityRef) -> bool:
        entity = self.get(reference)
        return entity is not None and not any(
            isinstance(value, EntityRef) and self.is_deleted(value) for value in entity.raw.values()
        )


class _Picker:
    """Chooses references for one object."""

    def __init__(self, world: World, entity: Entity) -> None:
        self._world, self._entity = world, entity

    def pick(self, table: str, path: str, tick: int) -> EntityRef:
        return self._world.picked(self._entity, table, path, tick)


def variant_of(shape: FieldNode, index: int) -> FieldNode:
    """The variant that an object with this number is of: each once in a round, in an order that shifts."""
    count = len(shape.variants)
    return shape.variants[(index + index // count) % count]


def _belongs(shape: FieldNode) -> bool:
    """Whether the objects of a table belong to a company each."""
    fields = shape.variants[0].fields if shape.variants else shape.fields
    return any(name in fields and fields[name].resource == "companies" for name in ("company", "company_id"))


def popular_fields(contract: Contract, views: Views, declared: Declarations) -> frozenset[tuple[str, str]]:
    """Fields that a list requires a value for: most objects share one value, so that one list has many pages."""
    found = set()
    for operation in contract.lists:
        for parameter, path in declared.filter_paths(operation):
            if parameter.required and parameter.resource != "companies":
                found.add((views.of_operation[operation.id].table, path))
    return frozenset(found)
