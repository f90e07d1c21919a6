"""Annotations brought to where they are read, and the id prefixes that follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.contract_build.walk import mappings

_ABOUT_IDS = ("x-resource", "x-resource-alternatives", "x-id-prefix")


def annotate(document: dict[str, Any], prefixes: dict[str, list[str]]) -> None:
    """Settle the annotations of every id in `document`, in place; `prefixes` are the documented ones by resource.

    An annotation belongs to the string that it speaks of: one put on a nullable field or on an array moves to the
    string inside. An id gets the prefixes of all the resources it may belong to, and none if one of them has none.
    """
    for schema in list(mappings(document)):
        moved = {key: schema[key] for key in _ABOUT_IDS if key in schema}
        strings = list(_strings_in(schema)) if moved and schema.get("type") != "string" else []
        for string in strings:
            string.update(moved)
        if strings:
            for key in moved:
                del schema[key]
    for schema in mappings(document):
        if schema.get("type") == "string" and "x-resource" in schema and "x-id-prefix" not in schema:
            resources = [schema["x-resource"], *schema.get("x-resource-alternatives", [])]
            known = [prefixes.get(resource, []) for resource in resources]
            if all(known):
                schema["x-id-prefix"] = [prefix for group in known for prefix in group]


def _strings_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The string schemas that a nullable field or an array consists of."""
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        if inner.get("type") == "string":
            yield inner
        else:
            yield from _strings_in(inner)
