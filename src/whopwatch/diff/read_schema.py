"""Read JSON Schema 2020-12, and the dialects of OpenAPI 3.0 and 3.1, as shapes.

This reader does not build on `contract.schema_tree`. A node of that tree says which values are allowed: references are
followed, `allOf` is merged, unions are flat, and keywords that no check reads are gone. A comparison needs what was
written: the names of shared schemas, so that a change in one is reported once, and every keyword, which is either part
of a shape, documentation, or recorded as unknown. The checks need neither, and should not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whopwatch.contract.schema_tree import KNOWN_VALUES, OPEN_ENUM
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import escape_pointer, unescape_pointer
from whopwatch.diff.intersect import intersect
from whopwatch.diff.model import Direction, Property, Shape
from whopwatch.diff.nodes import Document, Fields, Node, canonical, malformed

DOCUMENTATION = frozenset(
    {"title", "description", "summary", "example", "examples", "$comment", "externalDocs", "$schema", "$id", "$anchor"}
    | {"$defs", "definitions", "$vocabulary", "$dynamicAnchor", "tags", "x-resource", "x-resource-alternatives"}
    | {"x-scopes", "x-whop-learned", "x-whop-surface", "x-untyped"}
)
"""Keywords without an effect on the data. Some are whopwatch's own annotations of where a fact is from."""
DOCUMENTATION_PREFIXES = (
    "x-code", "x-readme", "x-doc", "x-example", "x-logo", "x-display", "x-tag", "x-mint", "x-fern", "x-stainless",
    "x-speakeasy", "x-oai", "x-group", "x-enum-", "x-order", "x-title", "x-description", "x-origin",
)  # fmt: skip
"""Prefixes of extensions for documentation pages and code generators."""
LIFECYCLE = frozenset({"x-sunset", "x-stability-level", "x-deprecated", "x-deprecation", "x-removal-date"})
"""Extensions that announce a change."""
_SCHEMAS = "#/components/schemas/"
_TYPES = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
_LIMITS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"}
    | {"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "minContains", "maxContains"}
)
_COUNTS = frozenset({"minContains", "maxContains"})
"""Limits that have no effect without `contains`."""
_NO_LIMIT: Mapping[str, tuple[object, ...]] = {
    "minLength": (0,), "minItems": (0,), "minProperties": (0,), "minContains": (1,), "uniqueItems": (False,),
}  # fmt: skip
"""Values of a limit that have no effect."""
_FACTS = frozenset({"contentEncoding", "contentMediaType", *LIFECYCLE})
_RULES = frozenset({"not", "contains", "propertyNames", "contentSchema"})
_CONDITION = frozenset({"if", "then", "else"})
_RULES_BY_NAME = frozenset({"patternProperties", "dependentSchemas", "dependencies"})
_DEPENDENT = frozenset({"dependentRequired", "dependencies"})
_ELSEWHERE = frozenset({"readOnly", "writeOnly"})
"""Keywords that a property reads."""
_COMPOSING = frozenset({"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf"})
_APART = frozenset({*_COMPOSING, *_ELSEWHERE, "discriminator", "nullable", "x-nullable", "default", "deprecated"})
"""Keywords that do not restrict the values of a reference or union beside them."""
_MAX_DEPTH = 60
_MAX_SHAPES = 1_000_000
ANY = Shape(nullable=True)


class SchemaReader:
    """Reads the schemas of one document. `types` are the shared ones by name, complete after `finish()`."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0
        self._reading: set[str] = set()
        self.types: dict[str, Shape] = {}
        self._pending: list[str] = []
        components = document.mapping(document.root.get("components"), "/components")
        self._schemas = document.mapping(components.get("schemas"), "/components/schemas")

    def finish(self) -> dict[str, Shape]:
        """Read every shared schema, and every one that another schema refers to; return them by name."""
        for name in self._schemas:
            self.shared(str(name))
        while self._pending:
            self.shared(self._pending.pop())
        return self.types

    def shared(self, name: str) -> Shape:
        """Return the shape of a shared schema, of another part of the document (`#/…`), or of `A & B`."""
        if name in self.types:
            return self.types[name]
        if name in self._reading:
            return ANY  # a schema that contains itself by `allOf` adds no restriction
        self._reading.add(name)
        if " & " in name:
            first, _, rest = name.partition(" & ")
            shape = intersect(self.shared(first), self.shared(rest), self)
        elif name.startswith("#"):
            shape = self.read(
                self._document.target(name, name.removeprefix("#")), name.removeprefix("#"), is_field=True
            )
        else:
            if name not in self._schemas:
                self._document.target(_SCHEMAS + escape_pointer(name), "/components/schemas")
            shape = self.read(self._schemas[name], f"/components/schemas/{escape_pointer(name)}", is_field=True)
        self._reading.discard(name)
        self.types[name] = shape
        return shape

    def spend(self, cost: int = 1) -> None:
        """Count one schema that is read or merged. Raise ContractError if there were too many."""
        self._count += cost
        if self._count > _MAX_SHAPES:
            raise ContractError(
                "The document is too large once its `allOf` are merged.",
                where=self._document.name,
                expected=f"at most {_MAX_SHAPES:,} schemas",
            )

    def both(self, first: str, second: str) -> Shape:
        """Return a reference to the intersection of two shared schemas, which is read later."""
        name = " & ".join(sorted({*first.split(" & "), *second.split(" & ")}))
        self._refer(name)
        return Shape(ref=name)

    def resolve(self, shape: Shape) -> Shape:
        """Return the shape itself, or the shared one that it refers to."""
        seen: set[str] = set()
        nullable = shape.nullable
        while shape.ref is not None and shape.ref not in seen:
            seen.add(shape.ref)
            shape = self.shared(shape.ref)
            nullable = nullable or shape.nullable
        return ANY if shape.ref is not None else replace(shape, nullable=nullable)

    def read(self, schema: Any, at: str, depth: int = 0, *, is_field: bool = False) -> Shape:
        """Return the shape that a schema describes. `at` is its place in the document, a JSON pointer.

        `is_field`: a property has this schema, or may refer to it, and reads the keywords of properties.
        """
        self.spend()
        if isinstance(schema, bool):
            return ANY if schema else Shape(is_never=True)
        if not isinstance(schema, dict):
            raise malformed(self._document.name, at, "a schema (an object or a boolean)", schema)
        if depth > _MAX_DEPTH:
            return replace(ANY, unknown=(("schema below 60 levels", canonical(schema)),))
        node = Fields(schema)
        is_plain = not schema.keys() & _COMPOSING or any(not is_documentation(key) for key in schema.keys() - _APART)
        parts = [self._plain(node, at, depth)] if is_plain else []
        if "$ref" in node:
            parts.append(self._reference(self._document.text(node["$ref"], f"{at}/$ref"), f"{at}/$ref"))
        if "$dynamicRef" in schema and str(schema["$dynamicRef"]) in self._document.anchors:  # else it stays unread
            parts.append(self._reference(f"#{node['$dynamicRef'].removeprefix('#')}", at))
        for place, part in enumerate(self._document.array(node.get("allOf"), f"{at}/allOf")):
            parts.append(self.read(part, f"{at}/allOf/{place}", depth + 1))
        parts += [self._union(node, key, at, depth) for key in ("anyOf", "oneOf") if key in node]
        shape = parts[0] if parts else ANY
        for part in parts[1:]:
            shape = intersect(shape, part, self)
        if is_field:
            node.pick(_ELSEWHERE)
        return self._finished(shape, node, at)

    def _finished(self, shape: Shape, node: Fields, at: str) -> Shape:
        """Add the keywords that apply to a shape however it is composed."""
        if (node.get("nullable") is True or node.get("x-nullable") is True) and not shape.nullable:
            shape = replace(shape, nullable=True)
        added: dict[str, Any] = {}
        if "default" in node:
            added["default"] = (canonical(node["default"]),)
        if "discriminator" in node and not shape.variants:
            added["tag"], added["mapping"], unknown = self._discriminator(node, at)
            added["unknown"] = (*shape.unknown, *unknown)
        if node.get("deprecated") is True:
            added["facts"] = (*shape.facts, ("deprecated", "true"))
        unknown = tuple(self._document.unread(node, is_documentation))
        if unknown:
            added["unknown"] = (*added.get("unknown", shape.unknown), *unknown)
        if added and shape.ref is not None:
            shape = self.resolve(shape)
        return replace(shape, **added) if added else shape

    def _discriminator(
        self, node: Node, at: str
    ) -> tuple[str | None, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        """Return the property that selects a variant, the variants by its values, and the unknown keywords."""
        found = Fields(self._document.mapping(node.get("discriminator"), f"{at}/discriminator"))
        tag = self._document.text(found.get("propertyName"), f"{at}/discriminator/propertyName") or None
        mapping = self._document.mapping(found.get("mapping"), f"{at}/discriminator/mapping")
        named = sorted((str(value), str(name).removeprefix(_SCHEMAS)) for value, name in mapping.items())
        unknown = tuple((f"discriminator {key}", text) for key, text in self._document.unread(found, is_documentation))
        return tag, tuple(named), unknown

    def _reference(self, reference: str, at: str) -> Shape:
        name = unescape_pointer(reference.removeprefix(_SCHEMAS))
        if name == reference or name not in self._schemas:
            self._document.target(reference, at)
            name = reference
        self._refer(name)
        return Shape(ref=name)

    def _refer(self, name: str) -> None:
        if name not in self.types and name not in self._reading:
            self._pending.append(name)

    def _plain(self, node: Fields, at: str, depth: int) -> Shape:
        """Read the keywords of a schema other than references, `allOf` and unions."""
        kinds, nullable = self._types(node, at)
        is_implied = False
        values = self._enum(node, at)
        if nullable and not kinds:
            values = [None]  # of this type there is no other value
        elif not kinds:
            kinds = {_type_of(value) for value in values or () if value is not None}
            if values is None:
                kinds |= {"object"} if node.keys() & {"properties", "required"} else set()
                kinds |= {"array"} if "items" in node or "prefixItems" in node else set()
                is_implied = bool(kinds)
        is_any = not kinds and values is None
        known = self._document.array(node.get(KNOWN_VALUES), f"{at}/{KNOWN_VALUES}")
        if values is not None and "enum" in node and node.get(OPEN_ENUM) is True:
            known, values = [*known, *values], None
        fields, is_closed, others = self._object(node, at, depth)
        items, prefix_items = self._array(node, at, depth)
        return Shape(
            kinds=frozenset(kinds),
            nullable=nullable or is_any or (values is not None and None in values),
            format=self._format(node, at, kinds),
            enum=tuple(_hashable(value) for value in values if value is not None) if values is not None else None,
            known=tuple(_hashable(value) for value in known if value is not None),
            items=items,
            prefix_items=prefix_items,
            properties=fields,
            values=others,
            is_closed=is_closed,
            limits=self._limits(node, at, kinds),
            prefixes=_prefixes(node.get("x-id-prefix")),
            facts=tuple((key, canonical(value)) for key, value in node.pick(_FACTS).items()),
            rules=tuple(self._rules(node, at, depth)),
            dependent=tuple(self._dependent(node, at)),
            is_implied=is_implied,
        )

    def _types(self, node: Node, at: str) -> tuple[set[str], bool]:
        declared = node.get("type")
        names = [declared] if isinstance(declared, str) else self._document.strings(declared, f"{at}/type")
        return set(names) - {"null"}, "null" in names

    def _format(self, node: Node, at: str, kinds: set[str]) -> str | None:
        """Return the format of strings and numbers; that of another type is left unread."""
        if kinds and not kinds & {"string", "integer", "number"}:
            return None
        return self._document.text(node.get("format"), f"{at}/format") or None

    def _enum(self, node: Node, at: str) -> Sequence[Any] | None:
        if "const" in node:
            return [node["const"]]
        return self._document.array(node["enum"], f"{at}/enum") if "enum" in node else None

    def _object(self, node: Node, at: str, depth: int) -> tuple[tuple[Property, ...] | None, bool, Shape | None]:
        """Return the properties of an object, whether it is closed, and the shape of its other properties."""
        declared = self._document.mapping(node.get("properties"), f"{at}/properties")
        required = self._document.strings(node.get("required"), f"{at}/required")
        # Beside the first keyword the second one has no effect, and is left unread.
        others = node.get("additionalProperties" if "additionalProperties" in node else "unevaluatedProperties")
        is_closed = others is False
        shape = None if others is None or isinstance(others, bool) else self.read(others, f"{at}/additional", depth + 1)
        fields = [
            self._property(
                str(name), part, f"{at}/properties/{escape_pointer(str(name))}", str(name) in required, depth
            )
            for name, part in declared.items()
        ]
        fields += [Property(name, ANY, True) for name in dict.fromkeys(required) if name not in declared]
        return tuple(fields) or (() if is_closed else None), is_closed, shape

    def _property(self, name: str, node: Any, at: str, required: bool, depth: int) -> Property:
        schema, is_deprecated = without_deprecation(node)
        shape, raw = self.read(schema, at, depth + 1, is_field=True), schema
        for _ in range(_MAX_DEPTH):  # readOnly may be part of the shared schema
            if not isinstance(raw, Mapping) or "$ref" not in raw or raw.keys() & _ELSEWHERE:
                break
            raw = self._document.target(raw["$ref"], at)
        stated = raw if isinstance(raw, Mapping) else {}
        only = Direction.RECEIVED if stated.get("readOnly") is True else None
        only = Direction.SENT if stated.get("writeOnly") is True else only
        return Property(name, shape, required, is_deprecated, only)

    def _array(self, node: Fields, at: str, depth: int) -> tuple[Shape | None, tuple[Shape, ...]]:
        prefix = self._document.array(node.get("prefixItems"), f"{at}/prefixItems")
        items = node.get("items" if "items" in node else "unevaluatedItems")
        if isinstance(items, list):  # draft 7, and OpenAPI documents made with it
            prefix, items = items, node.get("additionalItems")
        shapes = tuple(self.read(part, f"{at}/prefixItems/{n}", depth + 1) for n, part in enumerate(prefix))
        return (None if items is None else self.read(items, f"{at}/items", depth + 1)), shapes

    def _limits(self, node: Fields, at: str, kinds: set[str]) -> tuple[tuple[str, Any], ...]:
        names = _LIMITS if "contains" in node else _LIMITS - _COUNTS
        found = {key: value for key, value in node.pick(names).items() if value not in _NO_LIMIT.get(key, ())}
        for key, value in found.items():
            expected = str if key == "pattern" else (bool, int, float)
            if not isinstance(value, expected):
                raise malformed(
                    self._document.name, f"{at}/{key}", "a string" if key == "pattern" else "a number", value
                )
        for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if found.get(key) is True and bound in found:
                found[key] = found.pop(bound)  # OpenAPI 3.0 writes a boolean beside the bound
            elif isinstance(found.get(key), bool):
                del found[key]
            if kinds == {"integer"} and isinstance(found.get(key), int):
                found.setdefault(bound, found.pop(key) + (1 if bound == "minimum" else -1))
        return tuple(sorted(found.items()))

    def _rules(self, node: Fields, at: str, depth: int) -> Iterator[tuple[str, Shape]]:
        for key, part in node.pick(_RULES | _CONDITION if "if" in node else _RULES).items():
            yield key, self.read(part, f"{at}/{key}", depth + 1)
        for key, patterns in node.pick(_RULES_BY_NAME).items():
            for name, part in self._document.mapping(patterns, f"{at}/{key}").items():
                if isinstance(part, Mapping | bool):
                    rule = "dependentSchemas" if key == "dependencies" else key
                    yield f"{rule}/{name}", self.read(part, f"{at}/{key}/{escape_pointer(str(name))}", depth + 1)

    def _dependent(self, node: Fields, at: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        for key, names in node.pick(_DEPENDENT).items():
            for name, part in self._document.mapping(names, f"{at}/{key}").items():
                if isinstance(part, list) or key == "dependentRequired":
                    yield str(name), tuple(sorted(self._document.strings(part, f"{at}/{key}/{name}")))

    def _union(self, node: Node, key: str, at: str, depth: int) -> Shape:
        parts = self._document.array(node[key], f"{at}/{key}")
        shapes = [self.read(part, f"{at}/{key}/{place}", depth + 1) for place, part in enumerate(parts)]
        null = [shape for shape, part in zip(shapes, parts, strict=True) if _is_null(part)]
        shapes = [shape for shape, part in zip(shapes, parts, strict=True) if not _is_null(part)]
        if not shapes:
            return Shape(kinds=frozenset(), nullable=True, enum=()) if null else Shape(is_never=True)
        if len(shapes) == 1:
            return replace(shapes[0], nullable=shapes[0].nullable or bool(null))
        tag, mapping, unknown = self._discriminator(node, at) if "discriminator" in node else (None, (), ())
        nullable = bool(null) or any(shape.nullable for shape in shapes)
        simple = _as_scalar([replace(shape, nullable=False) for shape in shapes]) if tag is None else None
        if simple is not None:
            return replace(simple, nullable=nullable)
        return Shape(
            variants=tuple(shapes),
            nullable=nullable,
            is_exclusive=key == "oneOf",
            tag=tag,
            mapping=mapping,
            unknown=unknown,
        )


def _as_scalar(shapes: Sequence[Shape]) -> Shape | None:
    """Return a union of plain scalars as one shape: one enum, an open enum, or several types."""
    if any(shape.ref is not None or len(shape.kinds) != 1 or not shape.kinds <= _SCALARS for shape in shapes):
        return None
    kinds = frozenset(kind for shape in shapes for kind in shape.kinds)
    closed = [shape for shape in shapes if shape.enum is not None]
    opened = [shape for shape in shapes if shape.enum is None]
    values = tuple(dict.fromkeys(value for shape in closed for value in shape.enum or ()))
    if not all(replace(shape, facts=()) == Shape(kinds=shape.kinds, enum=shape.enum) for shape in closed):
        return None
    facts = _facts_by_value(closed)
    if not opened:
        return Shape(kinds=kinds, enum=values, facts=facts)
    if len(kinds) == len(opened) == 1:
        return replace(opened[0], known=(*opened[0].known, *values), facts=(*opened[0].facts, *facts))
    plain = all(shape == Shape(kinds=shape.kinds) for shape in opened)
    return Shape(kinds=kinds) if plain and not closed else None


def _facts_by_value(closed: Sequence[Shape]) -> tuple[tuple[str, str], ...]:
    """Return the facts about single values of an enum that is written as a union: `deprecated`, with the values."""
    found: dict[str, list[str]] = {}
    for shape in closed:
        for key, text in shape.facts:
            names = ", ".join(map(str, shape.enum or ()))
            found.setdefault(key, []).append(names if text == "true" else f"{names} {text}")
    return tuple((key, ", ".join(texts)) for key, texts in found.items())


_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def is_documentation(key: str) -> bool:
    """Return whether a keyword has no effect on the data."""
    return key in DOCUMENTATION or key.startswith(DOCUMENTATION_PREFIXES)


def without_deprecation(schema: Any) -> tuple[Any, bool]:
    """Return a schema without `deprecated`, and whether it is deprecated: the property or parameter states that."""
    if not isinstance(schema, Mapping) or "deprecated" not in schema:
        return schema, False
    return {key: value for key, value in schema.items() if key != "deprecated"}, schema["deprecated"] is True


def _type_of(value: Any) -> str:
    """Return the JSON type of a value; 1.0 is an integer."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPES.get(type(value), "string")


def _is_null(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in ("null", ["null"]) and not part.keys() & {"enum", "const"}


def _hashable(value: Any) -> Any:
    """Return a JSON value in a form that shapes can be compared by; 1.0 is the integer 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return canonical(value) if isinstance(value, dict | list) else value


def _prefixes(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, list) else ()
