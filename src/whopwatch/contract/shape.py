"""What a value of a documented shape holds: ids, fields nobody documented, ids of the wrong kind.

Validation says whether a value keeps its schema. A shape answers what a schema has no keyword for. It is compiled
once a schema and walked without looking at the schema again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from whopwatch.contract.model import Contract, Operation
from whopwatch.contract.schema import json_type

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]


@dataclass(slots=True, eq=False)
class Shape:
    """One node. `known` is None where any property is allowed; `alternatives` are the variants of a union."""

    kind: str | None = None
    known: frozenset[str] | None = None
    children: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    alternatives: tuple[Shape, ...] = ()
    tags: dict[str, frozenset[Any]] = field(default_factory=dict)
    resource: str | None = None
    prefixes: tuple[str, ...] = ()
    _reach: frozenset[str] | None = None
    _bearing: tuple[tuple[str, Shape], ...] | None = None

    def ids(self, value: Any) -> list[tuple[str, str]]:
        """Every `(resource, id)` in `value`, in the order of the shape."""
        found: list[tuple[str, str]] = []
        self._collect(value, found)
        return found

    def _collect(self, value: Any, found: list[tuple[str, str]]) -> None:
        shape = self._meant(value) if self.alternatives else self
        if value.__class__ is dict:
            for name, child in shape._id_bearing():
                part = value.get(name)
                if part is not None:
                    child._collect(part, found)
        elif value.__class__ is list:
            if shape.items and shape.items.resources():
                for item in value:
                    shape.items._collect(item, found)
        elif value.__class__ is str and shape.resource and value:
            found.append((shape.resource, value))

    def oddities(self, value: Any, path: Path = ()) -> Iterator[tuple[Path, tuple[str, ...] | None]]:
        """Every undocumented field as `(path, None)`, every wrongly prefixed id as `(path, prefixes)`."""
        shape = self._meant(value)
        if isinstance(value, dict) and shape.known is not None:
            for name, part in value.items():
                if name not in shape.known:
                    yield (*path, name), None
                elif name in shape.children:
                    yield from shape.children[name].oddities(part, (*path, name))
        elif isinstance(value, list) and shape.items:
            for index, item in enumerate(value):
                yield from shape.items.oddities(item, (*path, index))
        elif isinstance(value, str) and shape.prefixes and not value.startswith(shape.prefixes):
            yield path, shape.prefixes

    def resources(self) -> frozenset[str]:
        """The resources whose ids a value of this shape may hold."""
        if self._reach is None:
            seen: list[Shape] = []
            todo = [self]
            while todo:
                shape = todo.pop()
                if not any(shape is other for other in seen):
                    seen.append(shape)
                    todo += [*shape.children.values(), *shape.alternatives, *filter(None, [shape.items])]
            self._reach = frozenset(shape.resource for shape in seen if shape.resource)
        return self._reach

    def _id_bearing(self) -> tuple[tuple[str, Shape], ...]:
        if self._bearing is None:
            self._bearing = tuple((name, child) for name, child in self.children.items() if child.resources())
        return self._bearing

    def _meant(self, value: Any) -> Shape:
        """The variant that `value` names by its tags, else the one of its type that documents most of its fields."""
        shape = self
        while shape.alternatives:
            shape = shape._variant(value)
        return shape

    def _variant(self, value: Any) -> Shape:
        if len(self.alternatives) == 1:
            return self.alternatives[0]
        kind = json_type(value)
        fitting = [shape for shape in self.alternatives if shape.kind in (kind, None)] or list(self.alternatives)
        if isinstance(value, dict) and len(fitting) > 1:
            tagged = [shape for shape in fitting if shape.accepts_tags(value)]
            return max(tagged or fitting, key=lambda shape: len(value.keys() & (shape.known or ())))
        return fitting[0]

    def accepts_tags(self, value: Mapping[str, Any]) -> bool:
        """Whether every property of `value` that is a constant of this variant is that constant."""
        return all(isinstance(value.get(name), str) and value[name] in tags for name, tags in self.tags.items())


class Shapes:
    """The shapes of a contract's success responses, compiled when they are first needed."""

    def __init__(self, contract: Contract) -> None:
        self._compilers = {api: ShapeCompiler(partial(contract.resolve, api=api)) for api in contract.documents}
        self._known: dict[str, Shape] = {}

    def of(self, operation: Operation) -> Shape:
        """The shape of what `operation` answers on success."""
        if operation.id not in self._known:
            schema = operation.success.schema or {}
            self._known[operation.id] = self._compilers[operation.api].compile(schema)
        return self._known[operation.id]


@lru_cache(maxsize=8)
def shapes_of(contract: Contract) -> Shapes:
    """The shapes of `contract`, the same ones for everybody who asks."""
    return Shapes(contract)


class ShapeCompiler:
    """Shapes of one document; schemas that refer to themselves become shapes that do."""

    def __init__(self, resolve: Callable[[Schema], Schema]) -> None:
        self._resolve = resolve
        self._named: dict[str, Shape] = {}

    def compile(self, schema: Schema) -> Shape:
        """The shape of `schema`."""
        reference = schema.get("$ref")
        if reference is None:
            return self._fill(Shape(), schema)
        if reference not in self._named:
            shape = self._named[reference] = Shape()
            self._fill(shape, self._resolve(schema))
        return self._named[reference]

    def _fill(self, shape: Shape, schema: Schema) -> Shape:
        branches = [
            branch for branch in (*schema.get("anyOf", ()), *schema.get("oneOf", ())) if branch.get("type") != "null"
        ]
        if len(branches) == 1 and "$ref" not in branches[0]:
            self._fill(shape, branches[0])
        elif branches:
            shape.alternatives = tuple(self.compile(branch) for branch in branches)
        shape.kind = schema.get("type", shape.kind)
        if "properties" in schema:
            shape.kind = "object"
            shape.known = frozenset(schema["properties"]) if not schema.get("additionalProperties") else None
            shape.children = self._children(schema["properties"])
            shape.tags = self._tags(schema["properties"])
        if "items" in schema:
            shape.kind, shape.items = "array", self.compile(schema["items"])
        shape.resource = schema.get("x-resource", shape.resource)
        shape.prefixes = tuple(schema.get("x-id-prefix", shape.prefixes))
        return shape

    def _children(self, properties: Mapping[str, Schema]) -> dict[str, Shape]:
        """The properties that have something to look at: parts, ids."""
        shapes = {name: self.compile(schema) for name, schema in properties.items()}
        return {
            name: shape
            for name, shape in shapes.items()
            if shape.kind in ("object", "array", None) or shape.alternatives or shape.resource or shape.prefixes
        }

    def _tags(self, properties: Mapping[str, Schema]) -> dict[str, frozenset[Any]]:
        constants = {
            name: schema["enum"] if len(schema.get("enum", ())) == 1 else [schema["const"]] if "const" in schema else []
            for name, schema in properties.items()
        }
        return {name: frozenset(values) for name, values in constants.items() if values}
