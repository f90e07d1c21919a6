"""What a JSON schema lets through, as far as two of them can be compared without knowing how they were written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

DEEPEST = 12
Resolve = Any


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON types of a schema (null left out), its closed set of values, and the shape of its items.

    `types` is empty where anything goes, `values` None where the set is open.
    """

    types: frozenset[str] = frozenset()
    values: frozenset[Any] | None = None
    items: Shape | None = None


def shape_of(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = 0) -> Shape:
    """The shape of `schema`, whose references point into `document`."""
    parts = list(_parts(schema, document, depth))
    types: set[str] = set()
    values: set[Any] | None = set()
    items: Shape | None = None
    for part in parts:
        kinds = part.get("type", [])
        types.update([kinds] if isinstance(kinds, str) else kinds)
        closed = part.get("enum", [part["const"]] if "const" in part else None)
        if closed is None:
            values = None
        elif values is not None:
            values.update(value for value in closed if isinstance(value, (str, int, float, bool)))
        if isinstance(part.get("items"), Mapping) and depth < DEEPEST:
            items = shape_of(part["items"], document, depth + 1)
    return Shape(frozenset(types - {"null"}), frozenset(values) if values else None, items)


def properties_of(schema: Mapping[str, Any], document: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """The properties of an object schema, those of all its variants, and those that none of them can do without."""
    own = {name: value for name, value in schema.get("properties", {}).items() if isinstance(value, Mapping)}
    required = frozenset(name for name in schema.get("required", ()) if isinstance(name, str))
    variants = [_resolved(part, document) for part in schema.get("anyOf", schema.get("oneOf", ()))]
    read = [properties_of(part, document) for part in variants if isinstance(part, Mapping)]
    for properties, _ in read:
        own = {**properties, **own}
    if read:
        required |= frozenset.intersection(*(needed for _, needed in read))
    return own, required


def _parts(schema: Any, document: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The alternatives that a schema is made of, null left out."""
    schema = _resolved(schema, document)
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return
    alternatives = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(alternatives, list):
        for alternative in alternatives:
            yield from _parts(alternative, document, depth + 1)
    elif schema.get("type") != "null":
        yield schema


def _resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    for _ in range(DEEPEST):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = document
        for step in reference.removeprefix("#/").split("/"):
            schema = schema.get(step) if isinstance(schema, Mapping) else None
    return None
