"""Schemas read into trees of Nodes: what generation, projection and body handling walk instead of JSON Schema.

A nested object that has the id of a resource is a reference: the world stores which object is meant and every view
shows as much of it as its schema asks for. That is what makes two views of one object agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from whopwatch.contract import Contract

Kind = Literal["object", "array", "map", "union", "reference", "id", "string", "integer", "number", "boolean", "any"]


@dataclass(frozen=True, slots=True)
class Node:
    """One schema. `fields` belong to objects and references, `item` to arrays, `variants` to unions.

    `resource` is what a reference or an id points at. `enum` is None where every value of the kind is allowed.
    """

    kind: Kind
    nullable: bool = False
    required: bool = True
    format: str | None = None
    enum: tuple[Any, ...] | None = None
    fields: Mapping[str, Node] = field(default_factory=dict)
    item: Node | None = None
    variants: tuple[Node, ...] = ()
    resource: str | None = None
    prefix: str | None = None

    @property
    def tags(self) -> dict[str, Any]:
        """The properties that can only have one value: what tells the variants of a union apart."""
        return {name: node.enum[0] for name, node in self.fields.items() if node.enum and len(node.enum) == 1}


class Reader:
    """Reads the schemas of one contract, each once."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[tuple[int, str | None], Node] = {}

    def read(self, schema: Mapping[str, Any], api: str = "v1", name: str | None = None) -> Node:
        """The Node of `schema`. `name` is the property it stands in; None for the root of a response."""
        schema = self._contract.resolve(schema, api)
        # The contract outlives its reader, so that the identity of a schema is a key.
        key = (id(schema), name)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._read(schema, api, name)
        return known

    def _read(self, schema: Mapping[str, Any], api: str, name: str | None) -> Node:
        branches = schema.get("anyOf") or schema.get("oneOf")
        if branches:
            return self._union([self._contract.resolve(branch, api) for branch in branches], api, name)
        enum = (schema["const"],) if "const" in schema else schema.get("enum")
        values = tuple(value for value in enum if value is not None) if enum else None
        kind = schema.get("type", "any")
        if kind == "array":
            return Node("array", item=self.read(schema.get("items", {}), api, name))
        if kind == "object":
            return self._object(schema, api, name)
        if kind == "string" and name != "id":
            resource = schema.get("x-resource")
            if resource:
                return Node("id", resource=resource)
        prefixes = schema.get("x-id-prefix") or [None]
        return Node(kind, format=schema.get("format"), enum=values, prefix=prefixes[0])

    def _union(self, branches: list[Mapping[str, Any]], api: str, name: str | None) -> Node:
        nullable = any(branch.get("type") == "null" for branch in branches)
        nodes = [self.read(branch, api, name) for branch in branches if branch.get("type") != "null"]
        if len(nodes) == 1:
            return replace(nodes[0], nullable=nullable or nodes[0].nullable)
        return Node("union", nullable=nullable, variants=tuple(nodes))

    def _object(self, schema: Mapping[str, Any], api: str, name: str | None) -> Node:
        properties = schema.get("properties")
        if not properties:
            return Node("map")
        required = set(schema.get("required", ()))
        fields = {key: self.read(value, api, key) for key, value in properties.items()}
        for key in properties.keys() - required:
            fields[key] = replace(fields[key], required=False)
        if name is not None and "id" in properties:
            resource = self._contract.resolve(properties["id"], api).get("x-resource")
            if resource:
                return Node("reference", fields=fields, resource=resource)
        return Node("object", fields=fields)


def merge(one: Node, other: Node) -> Node:
    """A Node whose values both allow: what two views of one field agree on.

    Where they agree on nothing, `one` wins; projection then puts a value of the other view in its place.
    """
    if one is other:
        return one
    shared = replace(one, nullable=one.nullable and other.nullable, required=one.required or other.required)
    if one.kind != other.kind:
        kinds = {one.kind, other.kind}
        if kinds == {"integer", "number"}:
            return replace(shared, kind="integer")
        chosen = other if one.kind in ("any", "string") and other.kind == "id" else one
        return replace(chosen, nullable=shared.nullable, required=shared.required)
    if one.enum and other.enum:
        common = tuple(value for value in one.enum if value in other.enum)
        return replace(shared, enum=common or one.enum)
    if one.kind in ("object", "reference"):
        fields = dict(one.fields)
        for name, node in other.fields.items():
            fields[name] = merge(fields[name], node) if name in fields else node
        return replace(shared, fields=fields)
    if one.item and other.item:
        return replace(shared, item=merge(one.item, other.item))
    if one.kind == "union" and len(one.variants) == len(other.variants):
        return replace(shared, variants=tuple(merge(a, b) for a, b in zip(one.variants, other.variants, strict=True)))
    return replace(shared, enum=one.enum or other.enum, format=one.format or other.format)


def references(node: Node) -> Iterator[Node]:
    """Every reference below `node`, those inside references included."""
    if node.kind == "reference":
        yield node
    for child in (*node.fields.values(), *node.variants, *((node.item,) if node.item else ())):
        yield from references(child)
