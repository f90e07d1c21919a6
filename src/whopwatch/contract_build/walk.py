"""Walks over OpenAPI documents: every mapping, every reference, every schema with its JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.core.pointers import escape_pointer, mappings

_SCHEMAS = "#/components/schemas/"


def referenced_schemas(node: Any) -> set[str]:
    """Return the names of the component schemas that a part of a document refers to."""
    found = set()
    for mapping in mappings(node):
        target = mapping.get("$ref")
        if isinstance(target, str) and target.startswith(_SCHEMAS):
            found.add(target.removeprefix(_SCHEMAS))
    return found


Place = tuple[str, dict[str, Any]]

_ONE = ("items", "additionalProperties")
_MANY = ("anyOf", "oneOf")


def all_schemas(document: dict[str, Any]) -> Iterator[Place]:
    """Yield every schema of a document with its JSON pointer, sub-schemas included."""
    for pointer, schema in _roots(document):
        yield from _below(pointer, schema)


def _roots(document: dict[str, Any]) -> Iterator[Place]:
    components = document.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield f"/components/schemas/{name}", schema
    for kind in ("responses", "parameters"):
        for name, item in components.get(kind, {}).items():
            yield from _carried(f"/components/{kind}/{name}", item)
    for section in ("paths", "webhooks"):
        for name, methods in document.get(section, {}).items():
            for method, operation in methods.items():
                here = f"/{section}/{escape_pointer(name)}/{method}"
                yield from _of_operation(here, operation)


def _of_operation(here: str, operation: dict[str, Any]) -> Iterator[Place]:
    for index, parameter in enumerate(operation.get("parameters", ())):
        yield from _carried(f"{here}/parameters/{index}", parameter)
    yield from _carried(f"{here}/requestBody", operation.get("requestBody", {}))
    for status, response in operation.get("responses", {}).items():
        yield from _carried(f"{here}/responses/{status}", response)


def _carried(here: str, item: dict[str, Any]) -> Iterator[Place]:
    """Yield the schemas that a parameter, body or response carries."""
    if "schema" in item:
        yield f"{here}/schema", item["schema"]
    for media, content in item.get("content", {}).items():
        if "schema" in content:
            yield f"{here}/content/{escape_pointer(media)}/schema", content["schema"]


def _below(pointer: str, schema: dict[str, Any]) -> Iterator[Place]:
    yield pointer, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _below(f"{pointer}/properties/{name}", inner)
    for key in _ONE:
        if isinstance(schema.get(key), dict):
            yield from _below(f"{pointer}/{key}", schema[key])
    for key in _MANY:
        for index, inner in enumerate(schema.get(key, ())):
            yield from _below(f"{pointer}/{key}/{index}", inner)
