"""Walks over documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_SCHEMAS = "#/components/schemas/"


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a document, outermost first."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from mappings(value)


def references(node: Any) -> set[str]:
    """The names of the component schemas that a part of a document refers to."""
    found = set()
    for mapping in mappings(node):
        target = mapping.get("$ref")
        if isinstance(target, str) and target.startswith(_SCHEMAS):
            found.add(target.removeprefix(_SCHEMAS))
    return found
