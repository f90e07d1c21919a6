"""Make request bodies from the contract, with ids of existing objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulator.asker import Asker
from whopwatch.contract import Operation


def bodies(ask: Asker, operation: Operation) -> Iterator[Any]:
    """Yield one body for each variant of an operation's body, with every documented field."""
    if operation.body is None:
        yield None
        return
    schema = ask.contract.resolve(operation.body, operation.api)
    for variant in schema.get("anyOf") or schema.get("oneOf") or [schema]:
        yield value(ask, variant, "body")


def value(ask: Asker, schema: Mapping[str, Any], name: str) -> Any:
    schema = ask.contract.resolve(schema)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return value(ask, branches[0], name)
    if schema.get("x-resource") in ask.backend.world.shapes:
        return ask.some_id(schema["x-resource"])
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            return {key: value(ask, child, key) for key, child in schema.get("properties", {}).items()}
        case "array":
            return [value(ask, schema["items"], name)]
        case "integer" | "number":
            return 12
        case "boolean":
            return True
    return "2026-03-01T00:00:00.000Z" if schema.get("format") == "date-time" else f"a {name}"
