"""Show objects of the world as a view does.

What a view cannot show as it is stored (a null where the view allows none, an enum value of another view) is replaced
by a value that is always the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, ValueMaker, offset, to_milliseconds
from whopwatch.simulator.world.views import View

OMIT_EVERY = 6
"""Every sixth object omits an optional field."""
_TOTAL = re.compile(r"(\w+_)?(total|count)(_\w+)?")
_TYPES: Mapping[type, str] = {bool: "boolean", str: "string", int: "integer", float: "number"}


@dataclass
class Projector:
    """Projects objects of one world, and caches the results until the world changes."""

    world: World
    _shown: dict[tuple[int, str, bool], dict[str, Any]] = field(default_factory=dict)
    _version: int = -1
    _replacing: set[tuple[str, str, str]] = field(default_factory=set)
    """The places of values that are being replaced."""

    def show(self, entity: Entity, view: View, *, expand: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the object as JSON. The result is shared: copy it before changing it."""
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

    def show_list(self, view: View, items: Sequence[Any], total: int, page_info: Mapping[str, Any]) -> Any:
        """Return a list response with `items` of `total`: an array, or the envelope that the operation documents."""
        if view.envelope is None:
            return list(items)
        holder = self.world.made_up(EntityRef(view.table, "envelope"))
        shown: dict[str, Any] = {}
        for name, node in view.envelope.fields.items():
            if name == "data":
                shown[name] = list(items)
            elif name == "page_info" and node.fields:
                shown[name] = {key: page_info[key] for key in node.fields if key in page_info}
            elif node.kind == "integer" and _TOTAL.fullmatch(name):
                shown[name] = total
            else:
                shown[name] = self._value(node, None, holder, name)
        return shown

    def show_value(self, view: View, key: str) -> Any:
        """Return a response that is no object of a table: always the same for the same `key`."""
        holder = Entity(view.table, offset(self.world.seed, view.table, key), key, 0)
        return self._replacement(view.node, holder, "value")

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
        """Return `value` in the form of `node`; it is the field `path` of `holder`."""
        if value is None or (node.nullable and isinstance(value, EntityRef) and self.world.is_deleted(value)):
            return None if node.nullable else self._replacement(node, holder, path)
        if node.kind == "union":
            return self._value(self._variant(node, value), value, holder, path)
        if isinstance(value, EntityRef):
            return self._reference(node, value)
        if node.enum and value not in node.enum:
            return self._replacement(node, holder, path)
        if node.kind == "array":
            items = value if isinstance(value, list) else []
            return [self._value(node.item or node, item, holder, path) for item in items]
        if node.kind in ("object", "reference"):
            return self._object(node, value, holder, path)
        if node.kind == "map":
            return self._map(node, value, holder, path)
        return self._scalar(node, value, holder, path)

    def _scalar(self, node: FieldNode, value: Any, holder: Entity, path: str) -> Any:
        if node.kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if node.kind == "integer" and isinstance(value, str):
            # The same time is a date in one view and seconds since 1970 in another.
            try:
                return to_milliseconds(value) // 1000
            except ValueError:
                return self._replacement(node, holder, path)
        fits = node.kind not in _TYPES.values() or _TYPES.get(type(value)) == node.kind
        return value if fits else self._replacement(node, holder, path)

    def _object(self, node: FieldNode, value: Any, holder: Entity, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            value = {}
        return {
            name: self._value(child, value.get(name), holder, f"{path}.{name}")
            for name, child in node.fields.items()
            if child.required or name in value
        }

    def _map(self, node: FieldNode, value: Any, holder: Entity, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            value = {}
        if node.item is None:
            return dict(value)
        return {key: self._value(node.item, part, holder, f"{path}.{key}") for key, part in value.items()}

    def _reference(self, node: FieldNode, reference: EntityRef) -> Any:
        if node.kind in ("reference", "object"):
            return dict(self._fields(node, self.world.resolve(reference), {}))
        return reference.id

    def _replacement(self, node: FieldNode, holder: Entity, path: str) -> Any:
        seed = self.world.seed
        rng = random.Random(f"{seed}:{holder.table}:{holder.id}:{path}")  # noqa: S311
        maker = ValueMaker(seed, holder.table, holder.index, holder.created, rng, self._pick)
        value = maker.present(node, path, holder.index, 0)
        place = (holder.table, holder.id, path)
        if place in self._replacing:  # no value fits: an enum of another type, a union without a variant for it
            return value.id if isinstance(value, EntityRef) else value
        self._replacing.add(place)
        try:
            return self._value(node, value, holder, path)
        finally:
            self._replacing.discard(place)

    def _pick(self, table: str, path: str, tick: int) -> EntityRef:
        ids = list(self.world.table(table))
        return EntityRef(table, ids[tick % len(ids)] if ids else self.world.id(table, 0))

    def _variant(self, node: FieldNode, value: Any) -> FieldNode:
        """Return the variant of a union that `value` belongs to."""
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
            elif variant.kind == _TYPES.get(type(value)):
                return variant
        return node.variants[0]
