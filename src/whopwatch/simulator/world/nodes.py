"""Describe the fields of responses as FieldNodes: what the world generates, stores and shows.

A nested object with the id of a resource is a reference: the world stores which object is meant, and every response
shows the fields of that object that its schema has. So two responses never disagree about one object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, Literal

from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import SchemaNode, schemas_of

Kind = Literal["object", "array", "map", "union", "reference", "id", "string", "integer", "number", "boolean", "any"]

MAX_DEPTH = 12
MAX_ROUNDS = 3
"""How often a schema that contains itself is shown within itself."""
"""Levels of nested schemas that are read. A schema that contains itself ends there, as a value of any type."""


@dataclass(frozen=True, slots=True)
class FieldNode:
    """One field: objects and references have `fields`, arrays and maps of one type an `item`, unions `variants`.

    `resource` is what a reference or an id identifies. `enum` holds the documented values, None if there are none;
    `is_open` says that other values are allowed, too. `minimum` and `maximum` limit a number, `lengths` a string or
    array. `sample` is the documented example of a value that has to match a pattern or be a multiple.
    """

    kind: Kind
    nullable: bool = False
    required: bool = True
    format: str | None = None
    enum: tuple[Any, ...] | None = None
    fields: Mapping[str, FieldNode] = field(default_factory=dict)
    item: FieldNode | None = None
    variants: tuple[FieldNode, ...] = ()
    resource: str | None = None
    prefix: str | None = None
    is_open: bool = False
    minimum: float | None = None
    maximum: float | None = None
    lengths: tuple[int, int | None] = (0, None)
    sample: Any = None

    @property
    def tags(self) -> dict[str, Any]:
        """The fields with a single possible value: they distinguish the variants of a union."""
        return {name: node.enum[0] for name, node in self.fields.items() if node.enum and len(node.enum) == 1}

    @property
    def alternatives(self) -> tuple[FieldNode, ...]:
        """The variants of a union; the node itself if it is none."""
        return self.variants or (self,)


class NodeReader:
    """Reads the schemas of one contract, each once.

    `names` maps the name of a field to the resource that its id belongs to, for schemas that do not say it.
    """

    def __init__(self, contract: Contract, names: Mapping[str, str]) -> None:
        self._schemas = schemas_of(contract)
        self._account = contract.account
        parameters = (one for operation in contract.operations.values() for one in operation.parameters)
        of_account = (one.id_prefixes for one in parameters if one.resource == self._account.resource)
        self._account_prefix = next((prefixes[0] for prefixes in of_account if prefixes), None)
        self._names = names
        self._known: dict[tuple[SchemaNode, str | None], FieldNode] = {}
        self._open: Counter[SchemaNode] = Counter()
        """How often each schema is being read: more than once if it contains itself."""

    def read(self, schema: Mapping[str, Any], api: str = "v1", name: str | None = None) -> FieldNode:
        """Return the node of `schema`, which is the field `name`; None for the root of a response."""
        return self.of(self._schemas.read(schema, api), name)

    def of(self, schema: SchemaNode, name: str | None = None) -> FieldNode:
        """Return the node of a schema that is already read."""
        return self._read(schema, name, 0)

    def _read(self, schema: SchemaNode, name: str | None, depth: int) -> FieldNode:
        known = self._known.get((schema, name))
        if known is None:
            ends = self._ends(schema, depth)
            self._open[schema] += 1
            known = self._empty(schema) if ends else self._new(schema, name, depth)
            self._open[schema] -= 1
            known = replace(known, nullable=schema.nullable or known.nullable)
            self._known[schema, name] = known
        return known

    def _ends(self, schema: SchemaNode, depth: int) -> bool:
        return depth > MAX_DEPTH or self._open[schema] >= MAX_ROUNDS

    def _empty(self, schema: SchemaNode) -> FieldNode:
        """Return the node where a schema that contains itself ends: an empty array or object."""
        if schema.variants or schema.type not in ("array", "object"):
            return self._empty(schema.variants[0]) if schema.variants else self._new(schema, None, MAX_DEPTH)
        return FieldNode("array", enum=([],)) if schema.type == "array" else FieldNode("map", enum=({},))

    def _new(self, schema: SchemaNode, name: str | None, depth: int) -> FieldNode:
        if schema.variants:
            return FieldNode("union", variants=tuple(self._read(each, name, depth) for each in schema.variants))
        if schema.type == "array" and schema.items and self._ends(schema.items, depth + 1):
            return self._empty(schema)
        if schema.type == "array":
            item = self._read(schema.items, name, depth + 1) if schema.items else FieldNode("any")
            return FieldNode("array", item=item, lengths=_bounds(schema.schema, "minItems", "maxItems"))
        if schema.type == "object":
            return self._object(schema, name, depth)
        if schema.type == "string" and name != "id" and (resource := schema.resource or self._named(schema, name)):
            return FieldNode("id", resource=resource)
        kind: Any = schema.type if schema.type in ("string", "integer", "number", "boolean") else "any"
        prefix = schema.prefixes[0] if schema.prefixes else None
        limits = (schema.schema.get(name) for name in ("minimum", "maximum"))
        minimum, maximum = (limit if isinstance(limit, int | float) else None for limit in limits)
        return FieldNode(
            kind,
            format=schema.format,
            enum=schema.known_values or None,
            prefix=prefix,
            is_open=schema.enum is None,
            minimum=minimum,
            maximum=maximum,
            lengths=_bounds(schema.schema, "minLength", "maxLength"),
            sample=_sample(schema.schema) if schema.schema.keys() & {"pattern", "multipleOf"} else None,
        )

    def _object(self, schema: SchemaNode, name: str | None, depth: int) -> FieldNode:
        if not schema.fields:
            values = schema.additional
            if values and self._ends(values, depth + 1):
                return self._empty(schema)
            if name == self._account.object_field:  # its fields are not documented; its id is what lists filter by
                fields = {"id": FieldNode("string", prefix=self._account_prefix)}
                return FieldNode("reference", fields=fields, resource=self._account.resource)
            return FieldNode("map", item=self._read(values, name, depth + 1) if values and not values.is_any else None)
        fields = {
            key: self._read(child, key, depth + 1)
            for key, child in schema.fields.items()
            if key in schema.required or not self._ends(child, depth + 1)
        }
        for key in fields.keys() - schema.required:
            fields[key] = replace(fields[key], required=False)
        resource = None
        if name is not None and "id" in schema.fields:
            resource = schema.fields["id"].resource or self._names.get(name.removesuffix("s"))
        return FieldNode("reference" if resource else "object", fields=fields, resource=resource)

    def _named(self, schema: SchemaNode, name: str | None) -> str | None:
        """Return the resource that the name of a plain string field such as `product_id` refers to."""
        stem = (name or "").removesuffix("s").removesuffix("_id")
        is_plain = not (schema.known_values or schema.format or schema.prefixes)
        is_id = is_plain and stem != (name or "").removesuffix("s")
        return self._names.get(stem) if is_id else None


def _bounds(schema: Mapping[str, Any], least: str, most: str) -> tuple[int, int | None]:
    return schema.get(least, 0), schema.get(most)


def _sample(schema: Mapping[str, Any]) -> Any:
    """Return the first documented example of a value, None if there is none."""
    examples = schema.get("examples")
    found = [schema.get("example"), *(examples if isinstance(examples, list) else ()), schema.get("default")]
    return next((one for one in found if isinstance(one, str | int | float)), None)


class NodeMerger:
    """Merges nodes, each pair once: schemas that refer to each other would else be merged along every path."""

    def __init__(self) -> None:
        # By identity of the nodes, which the entry keeps alive.
        self._known: dict[tuple[int, int], tuple[FieldNode, FieldNode, FieldNode]] = {}

    def merged(self, one: FieldNode, other: FieldNode) -> FieldNode:
        """Return a node whose values both allow: what two responses that show the same field have in common.

        If they have nothing in common, `one` wins; the response of the other then shows a replacement value. The
        result is `one` itself if `other` adds nothing.
        """
        if one is other:
            return one
        known = self._known.get((id(one), id(other)))
        if known is None:
            made = self._merge(one, other)
            known = self._known[id(one), id(other)] = (one, other, one if _is_same(one, made) else made)
        return known[2]

    def _merge(self, one: FieldNode, other: FieldNode) -> FieldNode:
        shared = replace(one, nullable=one.nullable and other.nullable, required=one.required or other.required)
        if one.kind != other.kind:
            return self._merge_kinds(one, other, shared)
        if one.enum and other.enum:
            common = tuple(value for value in one.enum if value in other.enum)
            return replace(shared, enum=common or one.enum)
        if one.kind in ("object", "reference"):
            fields = dict(one.fields)
            for name, node in other.fields.items():
                fields[name] = self.merged(fields[name], node) if name in fields else node
            return replace(shared, fields=fields)
        if one.item and other.item:
            return replace(shared, item=self.merged(one.item, other.item))
        if one.kind == "union" and len(one.variants) == len(other.variants):
            pairs = zip(one.variants, other.variants, strict=True)
            return replace(shared, variants=tuple(self.merged(mine, theirs) for mine, theirs in pairs))
        return replace(
            shared,
            enum=one.enum or other.enum,
            format=one.format or other.format,
            prefix=one.prefix or other.prefix,
            is_open=one.is_open and other.is_open,
        )

    def _merge_kinds(self, one: FieldNode, other: FieldNode, shared: FieldNode) -> FieldNode:
        kinds = {one.kind, other.kind}
        if kinds == {"integer", "number"}:
            return replace(shared, kind="integer")
        if kinds == {"object", "reference"}:
            reference, plain = (one, other) if one.kind == "reference" else (other, one)
            merged = self._merge(replace(reference, kind="object"), plain)
            return replace(merged, kind="reference", nullable=shared.nullable, required=shared.required)
        chosen = other if one.kind in ("any", "string") and other.kind == "id" else one
        return replace(chosen, nullable=shared.nullable, required=shared.required)


def _is_same(one: FieldNode, other: FieldNode) -> bool:
    """Return whether two nodes have the same attributes and the very same nodes below."""
    fields = one.fields.keys() == other.fields.keys() and all(
        one.fields[name] is other.fields[name] for name in one.fields
    )
    variants = len(one.variants) == len(other.variants) and all(map(is_, one.variants, other.variants))
    if not fields or not variants or one.item is not other.item:
        return False
    return replace(one, fields=other.fields, variants=other.variants) == other


def nodes_below(node: FieldNode, seen: set[int] | None = None) -> Iterator[FieldNode]:
    """Yield `node` and every node in it, each once, those inside of references included.

    `seen` are the identities of the nodes below that were yielded before; the new ones are added.
    """
    waiting, seen = [node], set[int]() if seen is None else seen
    while waiting:
        current = waiting.pop()
        yield current
        for child in (*current.fields.values(), *current.variants, *((current.item,) if current.item else ())):
            if id(child) not in seen:
                seen.add(id(child))
                waiting.append(child)
