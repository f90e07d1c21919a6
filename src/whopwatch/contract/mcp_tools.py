"""The contract as an MCP server shows it: one tool for each operation, its input made of the operation's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract.arguments import parameters_of
from whopwatch.contract.model import Contract
from whopwatch.contract.operation import Operation, Schema
from whopwatch.core.pointers import mappings

REFERENCE = "#/components/schemas/"
DEFINITION = "#/$defs/"
MCP_PREFIX = "mcp:"
"""What the name of a tool starts with where findings and profiles name operations."""


@dataclass(frozen=True)
class Tool:
    """A tool that the contract derives from an operation.

    `properties` are the arguments by name, each with its schema (references of the operation's document), those of
    all variants where the body has several; `required` are the arguments that no variant can do without.
    `is_promised` says whether the server is known to offer it.
    """

    name: str
    operation: Operation
    properties: Mapping[str, Schema]
    required: frozenset[str]
    is_promised: bool


def tools_of(contract: Contract) -> dict[str, Tool]:
    """Return the tools of the contract's v1 operations, by name."""
    server = contract.mcp_server
    tools = (
        _tool(contract, operation, server.tool_name, server.has_tool(operation.id))
        for operation in contract.operations.values()
        if operation.api == "v1"
    )
    return {tool.name: tool for tool in tools}


def input_schema(contract: Contract, tool: Tool) -> dict[str, Any]:
    """Return the JSON schema of a tool's arguments, self-contained: referenced schemas are under `$defs`."""
    schema = {"type": "object", "properties": dict(tool.properties), "required": sorted(tool.required)}
    definitions = _reached(contract, tool.operation.api, schema)
    document: dict[str, Any] = _moved({**schema, **({"$defs": definitions} if definitions else {})})
    return document


def variants(contract: Contract, operation: Operation) -> list[Schema]:
    """Return the object schemas that a body may have, empty for an operation without body."""
    if operation.body is None:
        return []
    body = contract.resolve(operation.body, operation.api)
    return [contract.resolve(part, operation.api) for part in body.get("anyOf", body.get("oneOf", [body]))]


def _tool(contract: Contract, operation: Operation, pattern: str, is_promised: bool) -> Tool:
    resource, _, method = operation.id.replace(".", "_", operation.id.count(".") - 1).partition(".")
    parameters = parameters_of(operation)
    properties: dict[str, Schema] = {name: parameter.schema for name, parameter in parameters.items()}
    required = {name for name, parameter in parameters.items() if parameter.required}
    bodies = variants(contract, operation)
    for body in bodies:
        properties.update(body.get("properties", {}))
    if bodies:
        required |= set.intersection(*(set(body.get("required", ())) for body in bodies))
    name = pattern.format(method=method, resource=resource)
    return Tool(name, operation, properties, frozenset(required), is_promised)


def _reached(contract: Contract, api: str, schema: Any) -> dict[str, Any]:
    """Return the named schemas that `schema` refers to, directly or through others."""
    found: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for node in mappings(waiting.pop()):
            reference = node.get("$ref")
            if isinstance(reference, str) and (name := reference.removeprefix(REFERENCE)) not in found:
                found[name] = contract.resolve({"$ref": reference}, api)
                waiting.append(found[name])
    return found


def _moved(node: Any) -> Any:
    """Return `node` with its references pointing at `$defs`, without what only whopwatch reads."""
    if isinstance(node, Mapping):
        return {
            key: value.replace(REFERENCE, DEFINITION) if key == "$ref" and isinstance(value, str) else _moved(value)
            for key, value in node.items()
            if not (isinstance(key, str) and (key.startswith("x-") or key == "discriminator"))
        }
    return [_moved(value) for value in node] if isinstance(node, list) else node
