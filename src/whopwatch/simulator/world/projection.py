"""Objects of the world as a view shows them.

Each view has been read into Nodes once; projection walks those. What a view cannot show as it is stored (a null where
this view knows none, an enum value that only another view has) is replaced by a value that is always the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, ValueMaker, offset, to_milliseconds
from whopwatch.simulator.world.views import View

OMIT_EVERY = 6
"""Every how manieth object lacks a field that is documented as optional."""


@dataclass
class Projector:
    """Projects objects of one world and remembers the results until the world changes."""

    world: World
    _shown: dict[tuple[int, str, bool], dict[str, Any]] = field(default_factory=dict)
    _version: int = -1

    def show(self, entity: Entity, view: View, *, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The object as JSON. The result is shared: whoever changes it has to copy it first."""
        if self._version != self.world.version:
            self._shown.clear()
            self._version = self.world.version
        key = (id(view), entity.id, bool(expand))
        known = self._shown.get(key)
        if known is None:
            node = view.node
            if node.kind == "union":
                node = self._variant(node, entity.values)
            known = self._shown[key] = dict(self._fields(node, entity, view.stored, expand))
        return known

    def _fields(
        self, node: FieldNode, entity: Entity, stored: Mapping[str, str], expand: frozenset[str] = frozenset()
    ) -> Iterator[tuple[str, Any]]:
        for name, child in node.fields.items():
            place = stored.get(name, name)
            value = self.world.value(entity, place)
            if not child.required and (entity.index + offset(0, entity.table, place)) % OMIT_EVERY == 0:
                continue
            if value is None and not child.nullable:
                value = entity.raw.get(place)
            if name in expand and isinstance(value, EntityRef):
                yield name, self._expanded(value)
            else:
                yield name, self._value(child, value, entity, place)

    def _expanded(self, reference: EntityRef) -> dict[str, Any]:
        retrieve = self.world.views.of_operation[f"{reference.table}.retrieve"]
        return self.show(self.world.resolve(reference), retrieve)

    def _value(self, node: FieldNode, value: Any, holder: Entity, path: str) -> Any:
        """`value` in the form of `node`; `holder` and `path` say whose and which value it is."""
        if value is None or (node.nullable and isinstance(value, EntityRef) and self.world.is_deleted(value)):
            return None if node.nullable else self._replacement(node, holder, path)
        if node.kind == "union":
            return self._value(self._variant(node, value), value, holder, path)
        if isinstance(value, EntityRef):
            return self._reference(node, value)
        if node.enum and value not in node.enum:
            return self._replacement(node, holder, path)
        if node.kind == "array":
            return [self._value(node.item or node, item, holder, path) for item in value]
        if node.kind == "object":
            return self._object(node, value, holder, path)
        if node.kind == "number":
            return float(value)
        if node.kind == "integer" and isinstance(value, str):
            return to_milliseconds(value) // 1000
        return value

    def _object(self, node: FieldNode, value: Any, holder: Entity, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            value = {}
        return {
            name: self._value(child, value.get(name), holder, f"{path}.{name}")
            for name, child in node.fields.items()
            if child.required or name in value
        }

    def _reference(self, node: FieldNode, reference: EntityRef) -> Any:
        if node.kind in ("reference", "object"):
            return dict(self._fields(node, self.world.resolve(reference), {}))
        return reference.id

    def _replacement(self, node: FieldNode, holder: Entity, path: str) -> Any:
        seed = self.world.seed
        rng = random.Random(f"{seed}:{holder.table}:{holder.id}:{path}")  # noqa: S311
        maker = ValueMaker(seed, holder.table, holder.index, holder.created, rng, self._pick)
        return self._value(node, maker.present(node, path, holder.index, 0), holder, path)

    def _pick(self, table: str, path: str, tick: int) -> EntityRef:
        ids = list(self.world.table(table))
        return EntityRef(table, ids[tick % len(ids)] if ids else self.world.id(table, 0))

    def _variant(self, node: FieldNode, value: Any) -> FieldNode:
        """The variant of a union that `value` belongs to."""
        for variant in node.variants:
            if isinstance(value, EntityRef):
                if variant.resource == value.table or (variant.kind == "string" and not variant.enum):
                    return variant
            elif isinstance(value, dict):
                if (
                    variant.kind == "object"
                    and variant.tags.items() <= value.items()
                    and (variant.tags or variant.fields.keys() & value.keys())
                ):
                    return variant
            elif variant.kind == {bool: "boolean", str: "string", int: "integer", float: "number"}.get(type(value)):
                return variant
        return node.variants[0]
