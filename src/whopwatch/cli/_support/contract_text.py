"""Describe operations and events of the contract as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whopwatch.contract import Contract, Event, Operation
from whopwatch.core.wording import first_few

Schema = Mapping[str, Any]
MAX_VALUES = 6
"""Enum values shown; `--json` has them all."""


def table_all(contract: Contract) -> dict[str, list[dict[str, str]]]:
    """Return every operation (id, method, path, resource) and event (id, resource) of `contract`."""
    return {
        "operations": [
            {
                "id": operation.id,
                "method": operation.method,
                "path": operation.shown_path,
                "resource": operation.resource,
            }
            for operation in contract.operations.values()
        ],
        "events": [{"id": f"webhook:{event.name}", "resource": event.resource} for event in contract.events.values()],
    }


def list_all(contract: Contract) -> Iterator[str]:
    """Yield the lines that list every operation and event, by resource."""
    groups: dict[str, list[str]] = {}
    width = max(len(id) for id in contract.operations)
    for row in table_all(contract)["operations"]:
        line = f"  {row['id']:<{width}}  {row['method']:<6}  {row['path']}"
        groups.setdefault(row["resource"], []).append(line)
    for event in contract.events.values():
        groups.setdefault(event.resource, []).append(f"  webhook:{event.name}")
    for resource, lines in groups.items():
        yield resource
        yield from lines


def describe_named(contract: Contract, name: str) -> Iterator[str]:
    """Yield the lines that describe the operation or event `name`. Raise UsageError if there is none."""
    if name.startswith("webhook:") or name in contract.events:
        return describe_event(contract, contract.event(name.removeprefix("webhook:")))
    return describe_operation(contract, contract.operation(name))


def describe_operation(contract: Contract, operation: Operation) -> Iterator[str]:
    """Yield the lines that describe `operation`: its request, then its response one level deep."""
    yield f"{operation.id}  {operation.method} {operation.shown_path}"
    facts = {
        "also at": ", ".join(operation.alternate_paths),
        "resource": operation.resource,
        "scopes": ", ".join(operation.scopes) or "none",
        "statuses": ", ".join(str(status) for status in sorted(operation.responses)),
        "notes": ", ".join(_notes(operation)),
    }
    yield from (f"  {name:<9} {fact}" for name, fact in facts.items() if fact)
    rows = [
        (
            parameter.name,
            f"{parameter.location}, {_kind(contract, parameter.schema, operation.api)}",
            parameter.required,
        )
        for parameter in operation.parameters
    ]
    yield from _table("parameters", rows)
    if operation.body is not None:
        yield from _fields(contract, "body", operation.body, operation.api)
    if operation.success.schema is not None:
        yield from _answer(contract, operation)


def describe_event(contract: Contract, event: Event) -> Iterator[str]:
    """Yield the lines that describe `event`: its payload one level deep, and its `data`."""
    yield f"webhook:{event.name}"
    yield f"  resource  {event.resource}"
    yield from _fields(contract, "payload", event.schema, "v1")
    data = contract.resolve(event.schema).get("properties", {}).get("data")
    if data:
        yield from _fields(contract, "payload, /data", data, "v1")


def _answer(contract: Contract, operation: Operation) -> Iterator[str]:
    schema = contract.resolve(operation.success.schema or {}, operation.api)
    if operation.is_list:
        yield from _fields(contract, "response, /data/*", schema["properties"]["data"]["items"], operation.api)
    else:
        yield from _fields(contract, "response", schema, operation.api)


def _notes(operation: Operation) -> Iterator[str]:
    if operation.is_list:
        yield "a cursor-paginated list"
    if operation.is_public:
        yield "works without a key"


def _fields(contract: Contract, title: str, schema: Schema, api: str) -> Iterator[str]:
    """Yield the properties of an object, or the kind of anything else."""
    resolved = contract.resolve(schema, api)
    properties = resolved.get("properties")
    if properties is None:
        yield from ("", f"{title}: {_kind(contract, schema, api)}")
        return
    required = resolved.get("required", ())
    rows = [(name, _kind(contract, field, api), name in required) for name, field in properties.items()]
    yield from _table(title, rows)


def _table(title: str, rows: list[tuple[str, str, bool]]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", f"{title} ({len(rows)})")
    width = max(len(name) for name, _, _ in rows)
    for name, kind, required in rows:
        yield f"  {name:<{width}}  {'required' if required else 'optional'}  {kind}"


def _kind(contract: Contract, schema: Schema, api: str) -> str:
    """Return a schema in a few words: `Currency or null`, `array of string (id of products)`."""
    if "anyOf" in schema or "oneOf" in schema:
        branches = schema.get("anyOf") or schema["oneOf"]
        return " or ".join(dict.fromkeys(_kind(contract, branch, api) for branch in branches))
    name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
    resolved = contract.resolve(schema, api)
    if "enum" in resolved:
        return f"{name or 'enum'} ({_values(resolved['enum'])})"
    if name:
        return name
    if "const" in resolved:
        return f"always {resolved['const']}"
    if resolved.get("type") == "array":
        return f"array of {_kind(contract, resolved.get('items', {}), api)}"
    detail = resolved.get("format") or (f"id of {resolved['x-resource']}" if "x-resource" in resolved else "")
    return str(resolved.get("type", "anything")) + (f" ({detail})" if detail else "")


def _values(values: list[Any]) -> str:
    return first_few(values, MAX_VALUES)
