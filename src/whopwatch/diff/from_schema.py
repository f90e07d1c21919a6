"""JSON Schema, as OpenAPI writes it, read as shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whopwatch.diff.model import Property, Shape

LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
_SCHEMAS = "#/components/schemas/"
_KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_DEEPEST = 60

Node = Mapping[str, Any]


class SchemaReader:
    """Reads schemas of one document; `schemas` are the shared ones, which `allOf` is made of."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def read(self, node: Any, depth: int = 0) -> Shape:
        """The shape that a schema describes; what is deeper than any real schema is any value."""
        if not isinstance(node, Mapping) or depth > _DEEPEST:
            return Shape(nullable=True)
        if "$ref" in node:
            return self._reference(node)
        for key in ("anyOf", "oneOf"):
            if key in node:
                return self._union(node, key, depth)
        if "allOf" in node:
            return self._merged(node, depth)
        return self._plain(node, depth)

    @staticmethod
    def _reference(node: Node) -> Shape:
        name = str(node["$ref"])
        nullable = bool(node.get("nullable"))
        return Shape(ref=name.removeprefix(_SCHEMAS), nullable=nullable)

    def _plain(self, node: Node, depth: int) -> Shape:
        declared = node.get("type", ())
        kinds = {declared} if isinstance(declared, str) else set(declared)
        enum = node["enum"] if "enum" in node else [node["const"]] if "const" in node else None
        if not kinds:
            kinds = {_KINDS[type(value)] for value in enum or () if type(value) in _KINDS}
            kinds |= {"object"} if "properties" in node else {"array"} if "items" in node else set()
        nullable = "null" in kinds or bool(node.get("nullable")) or (not kinds and enum is None)
        values = tuple(value for value in enum if value is not None) if enum is not None else None
        return Shape(
            kinds=frozenset(kinds - {"null"}),
            nullable=nullable or (enum is not None and None in enum),
            format=node.get("format"),
            enum=values,
            items=self.read(node["items"], depth + 1) if "items" in node else None,
            properties=self._properties(node, depth),
            values=self._values(node, depth),
            limits=tuple((key, node[key]) for key in LIMITS if key in node),
            default=(node["default"],) if "default" in node else (),
            prefixes=tuple(node.get("x-id-prefix", ())),
        )

    def _properties(self, node: Node, depth: int) -> tuple[Property, ...] | None:
        declared = node.get("properties")
        if not declared:
            return None
        required = set(node.get("required", ()))
        return tuple(
            Property(
                str(name),
                self.read(schema, depth + 1),
                name in required,
                isinstance(schema, Mapping) and bool(schema.get("deprecated")),
            )
            for name, schema in declared.items()
        )

    def _values(self, node: Node, depth: int) -> Shape | None:
        declared = node.get("additionalProperties")
        return self.read(declared, depth + 1) if isinstance(declared, Mapping) else None

    def _union(self, node: Node, key: str, depth: int) -> Shape:
        parts = [part for part in node[key] if part != {"type": "null"}]
        nullable = len(parts) < len(node[key]) or bool(node.get("nullable"))
        shapes = [self.read(part, depth + 1) for part in parts]
        if len(shapes) == 1:
            return replace(shapes[0], nullable=shapes[0].nullable or nullable)
        discriminator = node.get("discriminator") or {}
        return Shape(variants=tuple(shapes), nullable=nullable, tag=discriminator.get("propertyName"))

    def _merged(self, node: Node, depth: int) -> Shape:
        """`allOf`: one part by itself is that part, else the parts' properties together."""
        own = {key: value for key, value in node.items() if key != "allOf"}
        telling = own.keys() & {"properties", "type", "required", "items", "enum"}
        parts = [*node["allOf"], *([own] if telling else [])]
        if len(parts) == 1:
            shape = self.read(parts[0], depth + 1)
            return replace(shape, nullable=shape.nullable or bool(node.get("nullable")))
        raw = [self._followed(part) for part in parts]
        shapes = [self.read(part, depth + 1) for part in raw]
        properties = {item.name: item for shape in shapes for item in shape.properties or ()}
        required = {name for part in raw for name in part.get("required", ())}
        required |= {name for name, item in properties.items() if item.required}
        first = next((shape for shape in shapes if shape.kinds or shape.variants), Shape(frozenset({"object"})))
        return replace(
            first,
            nullable=bool(node.get("nullable")),
            properties=tuple(replace(item, required=item.name in required) for item in properties.values()) or None,
        )

    def _followed(self, node: Any) -> Node:
        """A part of `allOf`, or the shared schema that it names."""
        if isinstance(node, Mapping) and "$ref" in node:
            node = self._schemas.get(str(node["$ref"]).removeprefix(_SCHEMAS), {})
        return node if isinstance(node, Mapping) else {}
