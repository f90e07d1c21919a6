"""JSON pointers (RFC 6901), the references of a JSON document into itself, and walks over documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MAX_LINKS = 100
"""References that are followed in a row: a reference that leads back to itself must not be followed for ever."""


def escape_pointer(token: str) -> str:
    """Return `token` as one step of a JSON pointer."""
    return token.replace("~", "~0").replace("/", "~1")


def unescape_pointer(step: str) -> str:
    """Return the name that a step of a JSON pointer escapes."""
    return step.replace("~1", "/").replace("~0", "~")


def pointer_steps(pointer: str) -> list[str]:
    """Return the names that a JSON pointer, or a reference such as `#/components/schemas/Cat`, goes through."""
    return [unescape_pointer(step) for step in pointer.split("/")[1:]]


def lookup(document: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer or a reference. Raise KeyError or IndexError if there is none."""
    for key in pointer_steps(pointer):
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


def part_at(document: Mapping[str, Any], reference: str) -> Any:
    """Return the part of the document that a reference leads to, None if there is none."""
    node: Any = document if reference == "#" or reference.startswith("#/") else None
    for key in pointer_steps(reference):
        if isinstance(node, list):
            node = node[int(key)] if key.isdecimal() and len(key) < 10 and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return node


def leads_somewhere(document: Mapping[str, Any], reference: str) -> bool:
    """Return whether a reference leads to a part of the document."""
    return part_at(document, reference) is not None


def resolved(document: Mapping[str, Any], node: Any) -> Any:
    """Return `node`, or what its reference leads to; None if it leads nowhere or back to itself."""
    for _ in range(MAX_LINKS):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node
        node = part_at(document, node["$ref"])
    return None


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping of a document, outermost first. A document may be changed below what was yielded."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += reversed(part.values())
        elif isinstance(part, list):
            waiting += reversed(part)
