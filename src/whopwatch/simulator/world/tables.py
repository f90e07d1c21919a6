"""The tables of the simulated world: objects that refer to each other, made from a seed and changed by writes.

The same seed gives the same world byte for byte, in whatever order it is read: an object depends only on the seed, its
table and number, and on the objects that its declared relations lead to.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.simulator.declarations import account_fields, declarations_of, singular_of
from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.values import (
    EntityRef,
    ValueMaker,
    filler_of_format,
    iso,
    offset,
    random_text,
    table_sizes,
)
from whopwatch.simulator.world.views import Views, views_of

DEFAULT_ITEMS = 30
FOREIGN_OBJECTS = 3
"""Objects of each table that belong to another account: a filter by account has to exclude them."""
EPOCH_MS = 1_735_689_600_000
NOW_MS = 1_767_225_600_000
"""The world begins on 2025-01-01. Writes happen from 2026-01-01 on, a second apart."""


@dataclass(eq=False)
class Entity:
    """One object. `values` are the shown values; `raw` are its references, also the ones shown as null.

    `index` orders the objects of a table by creation. `created` is the creation time in milliseconds since 1970.
    `is_new` is true for an object that a request created.
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
        """The reference that other objects store."""
        return EntityRef(self.table, self.id)


class World:
    """All objects by table and id.

    `items` is the number of items of each list of the account; None means the default, and more where an enum has more
    values. With 0 there is only the account and what it has to refer to.
    """

    def __init__(self, contract: Contract, *, seed: int = 0, items: int | None = None) -> None:
        self.seed = seed
        self.contract = contract
        self.declared = declarations_of(contract)
        self._account = contract.account
        self._account_fields = account_fields(contract)
        self.views = views_of(contract)
        self.shapes: Mapping[str, FieldNode] = self.views.shapes
        self.version = 0
        count, account = DEFAULT_ITEMS if items is None else items, contract.account.resource
        self._sizes = table_sizes(self.shapes, self.views.follow, account, count, cover=items is None)
        self._popular = popular_fields(contract, self.views)
        self._tables: dict[str, dict[str, Entity]] = {}
        self._deleted: dict[EntityRef, Entity] = {}
        self._singletons: dict[EntityRef, Entity] = {}
        self._children: dict[tuple[str, str], dict[EntityRef, list[Entity]]] = {}
        self._by_stem = {singular_of(table): table for table in self.shapes}
        self._ids: dict[tuple[str, int], str] = {}
        self._by_id: dict[str, dict[str, int]] = {}
        self._made: dict[tuple[str, int], Entity] = {}

    # Reading

    @cached_property
    def account(self) -> EntityRef:
        """The account that the key belongs to: the newest one."""
        table = self._account.resource
        return EntityRef(table, self.id(table, self._span(table)[1] - 1))

    def table(self, name: str) -> dict[str, Entity]:
        """Return the objects of a table by id, the oldest first."""
        known = self._tables.get(name)
        if known is None:
            known = {id: self._generated(name, index) for id, index in self._numbers(name).items()}
            self._tables[name] = known
        return known

    def own(self, name: str) -> list[Entity]:
        """Return the objects of a table that belong to the key's account, the oldest first."""
        foreign, _ = self._span(name)
        return [entity for entity in self.table(name).values() if entity.index >= foreign]

    def get(self, reference: EntityRef) -> Entity | None:
        """Return the object, None if it was deleted or never existed."""
        table = self._tables.get(reference.table)
        if table is not None:
            return table.get(reference.id)
        index = self._numbers(reference.table).get(reference.id)
        return None if index is None else self._generated(reference.table, index)

    def resolve(self, reference: EntityRef) -> Entity:
        """Return the object, also if it was deleted or never existed."""
        return self.get(reference) or self._deleted.get(reference) or self.made_up(reference)

    def made_up(self, reference: EntityRef) -> Entity:
        """Return the object that would have this id: the same for the same id, and in no list."""
        index = offset(self.seed, reference.table, reference.id)
        return self._entity(reference.table, index, reference.id)

    def singleton(self, reference: EntityRef) -> Entity:
        """Return the object of a table without ids, of which there is one for each `reference.id`. Writes change it."""
        known = self._singletons.get(reference)
        if known is None:
            known = self._singletons[reference] = self.made_up(reference)
        return known

    def exists(self, table: str, id: str) -> bool:
        """Check that an object exists. A table that the world does not have is assumed to have every id."""
        return table not in self.shapes or self.get(EntityRef(table, id)) is not None

    def children(self, table: str, through: str, parent: EntityRef) -> list[Entity]:
        """Return the objects of `table` whose field `through` refers to `parent`, the oldest first."""
        index = self._children.get((table, through))
        if index is None:
            index = self._children[table, through] = {}
            entities = self.table(table).values() if table in self.shapes else ()  # a release may lack a resource
            for entity in entities:
                value = entity.values.get(through)
                for reference in value if isinstance(value, list) else (value,):
                    if isinstance(reference, EntityRef):
                        index.setdefault(reference, []).append(entity)
        return index.get(parent, [])

    def follow(self, entity: Entity, path: str, *, shown: bool = True) -> Iterator[Any]:
        """Yield the values at the end of a path, flattened; without `shown`, also through references shown as null."""
        values: Iterable[Any] = [entity]
        for step in path.split("."):
            values = list(self._step(values, step, shown))
        yield from values

    def _step(self, values: Iterable[Any], step: str, shown: bool) -> Iterator[Any]:
        for value in values:
            holder = self.resolve(value) if isinstance(value, EntityRef) else value
            if "@" in step:
                table, _, through = step.partition("@")
                if isinstance(holder, Entity):  # an object that is no resource has no children
                    yield from (child.reference for child in self.children(table, through, holder.reference))
                continue
            if isinstance(holder, Entity):
                found = None if shown else holder.raw.get(step)
                found = self.value(holder, step) if found is None else found
            else:
                found = holder.get(step) if isinstance(holder, dict) else None
            yield from found if isinstance(found, list) else [] if found is None else [found]

    def created(self, entity: Entity) -> str:
        """Return the creation time of an object, also if no response shows it."""
        return iso(entity.created)

    def value(self, entity: Entity, name: str) -> Any:
        """Return the value of a field, also of counts and lists of other objects."""
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
        """The time of the next write, in milliseconds since 1970."""
        return NOW_MS + 1000 * self.version

    def create(self, table: str) -> Entity:
        """Create an object of `table` with generated values. The caller sets what the client has sent."""
        index = len(self.table(table)) + sum(reference.table == table for reference in self._deleted)
        entity = self._entity(table, index, created=self.now)
        self._tables[table][entity.id] = entity
        self.touch()
        return entity

    def delete(self, entity: Entity) -> None:
        """Delete an object. References that cannot be null still show it."""
        self._deleted[entity.reference] = self.table(entity.table).pop(entity.id)
        self.touch()

    def discard(self, entity: Entity) -> None:
        """Remove an object as if it had never existed."""
        self.table(entity.table).pop(entity.id, None)
        self.touch()

    @contextmanager
    def undeleted(self, table: str) -> Iterator[None]:
        """Restore the deleted objects of a table within this context."""
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
        """Note that the world has changed."""
        self.version += 1
        self._children.clear()

    def refollow(self, entity: Entity, given: set[str]) -> None:
        """Derive the fields again that follow from the `given` ones, unless they are given themselves."""
        fields = self.fields(entity)
        for name, path in self.views.follow.get(entity.table, {}).items():
            if name in fields and name not in given and path.split(".")[0] in given:
                value = self._followed(entity, path, fields[name], entity.index)
                if value is not None:
                    self.put(entity, name, value)
                    entity.raw[name] = value
                    given.add(name)

    def fields(self, entity: Entity) -> Mapping[str, FieldNode]:
        """Return the fields that an object can have: those of its variant if its table has several."""
        shape = self.shapes[entity.table]
        return (numbered_variant(shape, entity.index) if shape.kind == "union" else shape).fields

    def table_named(self, field_name: str) -> str | None:
        """Return the table that the name of an id field refers to: `products` for `product_id` and `product_ids`."""
        stem = field_name.removesuffix("s").removesuffix("_id")
        return self._by_stem.get(stem) if field_name.removesuffix("s").endswith("_id") else None

    def is_deleted(self, reference: EntityRef) -> bool:
        """Check that the object existed and was deleted."""
        return reference in self._deleted

    # Making

    def id(self, table: str, index: int) -> str:
        """Return the id of the object with this number, without making the object."""
        known = self._ids.get((table, index))
        if known is None:
            fields = self.shapes[table].alternatives[0].fields
            prefix, format = (fields["id"].prefix, fields["id"].format) if "id" in fields else (None, None)
            rng = random.Random(f"{self.seed}:{table}:{index}")  # noqa: S311
            known = (prefix or "") + random_text("alnum", 14, rng)
            if prefix is None and format is not None and (filler := filler_of_format(format)):
                known = filler(rng, index)
            self._ids[table, index] = known
        return known

    def _span(self, table: str) -> tuple[int, int]:
        """Return the number of foreign objects of a table, and of all its objects."""
        size = self._sizes.get(table, 0)
        account = self._account
        belongs = any(
            name in fields and fields[name].resource == account.resource
            for fields in [self.shapes[table].alternatives[0].fields]
            for name in self._account_fields
        )
        foreign = FOREIGN_OBJECTS if size and belongs and table != account.resource else 0
        return foreign, size + foreign

    def _numbers(self, table: str) -> dict[str, int]:
        """Return the number of each seeded object of a table by id."""
        known = self._by_id.get(table)
        if known is None:
            known = self._by_id[table] = {self.id(table, n): n for n in range(self._span(table)[1])}
        return known

    def _generated(self, table: str, index: int) -> Entity:
        """Return the object with this number, made once and without the rest of its table."""
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
        maker = ValueMaker(self.seed, table, index, moment, rng, partial(self.picked, entity))
        tick = index
        if shape.kind == "union":
            tick = index // len(shape.variants)
            shape = numbered_variant(shape, index)
        self._fill(entity, shape, maker, tick)
        if table in self.declared.log:
            self._fill_from_request(entity, self.declared.log[table])
        return entity

    def _fill(self, entity: Entity, shape: FieldNode, maker: ValueMaker, tick: int) -> None:
        follow = self.views.follow.get(entity.table, {})
        computed = {**self.declared.children.get(entity.table, {}), **self.declared.counts.get(entity.table, {})}
        entity.values = {"id": entity.id}
        for name in sorted(shape.fields.keys() - follow.keys() - computed.keys() - {"id"}):
            self._set(entity, name, shape.fields[name], maker, tick)
        for name, path in follow.items():
            if name in shape.fields:
                self._set(entity, name, shape.fields[name], maker, tick, path)
        entity.values |= dict.fromkeys(computed)

    @cached_property
    def _logged(self) -> list[tuple[Operation, str, str]]:
        """The reads of one object by its id, as (operation, path parameter, table); of unlisted tables first."""
        listed = {view.table for id, view in self.views.of_operation.items() if view.form != "object"}
        reads = [
            (operation, names[0].name, table)
            for operation in self.contract.reads
            if len(names := list(operation.in_("path"))) == 1 and (table := self.views.table_of(names[0].resource))
        ]
        return sorted(reads, key=lambda read: read[2] in listed)

    def _fill_from_request(self, entity: Entity, fields: Mapping[str, str]) -> None:
        """Let a log entry show a request that this world could have had: `fields` names what shows which part."""
        if not self._logged:
            return
        operation, name, table = self._logged[entity.index % len(self._logged)]
        foreign, total = self._span(table)
        if foreign < total:
            id = self.id(table, foreign + entity.index % (total - foreign))
            path = operation.fill({name: id})
            parts = {"operation": operation.id, "method": operation.method, "path": path, "id": id}
            for part, shown in fields.items():
                if shown in entity.values:
                    entity.values[shown] = parts[part]

    def _set(
        self, entity: Entity, name: str, node: FieldNode, maker: ValueMaker, tick: int, path: str | None = None
    ) -> None:
        """Make one field. `raw` gets the reference in any case, `values` what is shown."""
        shown = maker.make(node, name, tick)
        if node.resource == entity.table:
            # A reference to an object of the same table leads to an older one, so that there is no cycle of parents.
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
        if node.kind in ("id", "reference"):
            found = [value for value in found if isinstance(value, EntityRef) and value.table == node.resource]
        return found[tick % len(found)] if found else None

    def picked(self, entity: Entity, table: str, path: str, tick: int) -> EntityRef:
        """Return the object that a reference of `entity` points at: of the same account, spread evenly or concentrated.

        Three of five objects share the value of a field that a list requires, so that one list has many pages.
        """
        account = self._account
        if table == account.resource and path in self._account_fields:
            is_own = entity.index >= self._span(entity.table)[0]
            return self.account if is_own else EntityRef(table, self.id(table, 0))
        if table == account.resource and path.startswith("parent_"):
            return self.account
        foreign, total = self._span(table)
        low, high = foreign, total
        if foreign and entity.index < self._span(entity.table)[0]:
            low, high = 0, foreign
        if high <= low:
            return EntityRef(table, self.id(table, 0))
        if table == entity.table:
            number = entity.index // 2
        elif (entity.table, path) in self._popular and tick % 5 < 3:
            number = self._prominent(table, low, high)
        else:
            number = low + tick % (high - low)
        return self._there(entity, EntityRef(table, self.id(table, number)))

    def _prominent(self, table: str, low: int, high: int) -> int:
        """Return the number of the newest object that belongs to a popular object itself: a client finds it first."""
        if table == self._account.resource:
            return high - 1
        starts = [offset(self.seed, table, path) for owner, path in self._popular if owner == table]
        numbers = reversed(range(low, high))
        return next((n for n in numbers if all((n + start) % 5 < 3 for start in starts)), high - 1)

    def _there(self, entity: Entity, reference: EntityRef) -> EntityRef:
        """Return `reference`; for a new object, another one of its table if that or its own reference is deleted.

        Seeded objects always refer to the same objects, whenever they are made.
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


def numbered_variant(shape: FieldNode, index: int) -> FieldNode:
    """Return the variant of the object with this number: each once in a round, in an order that shifts."""
    count = len(shape.variants)
    return shape.variants[(index + index // count) % count]


def popular_fields(contract: Contract, views: Views) -> frozenset[tuple[str, str]]:
    """Return the fields that a list requires a value for: most objects share one value of them."""
    return frozenset(
        (views.of_operation[operation.id].table, one.path)
        for operation in contract.operations.values()
        for one in views.filters_of(operation)
        if one.parameter.required and one.path not in account_fields(contract)
    )
