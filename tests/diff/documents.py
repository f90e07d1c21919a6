"""Small OpenAPI documents that differ in one thing."""

from __future__ import annotations

from typing import Any

from whopwatch.diff.change import Placed
from whopwatch.diff.compare import compare
from whopwatch.diff.read_openapi import read_openapi

Node = dict[str, Any]

TEXT: Node = {"type": "string"}
WHOLE: Node = {"type": "integer"}


def record(required: str = "", **properties: Node) -> Node:
    """An object schema; `required` are names between blanks."""
    return {"type": "object", "properties": properties, "required": required.split()}


def document(
    *,
    answer: Node | None = None,
    body: Node | None = None,
    parameters: list[Node] | None = None,
    schemas: dict[str, Node] | None = None,
    webhooks: dict[str, Node] | None = None,
    **operation: Any,
) -> Node:
    """A document with the one operation `cats.create`."""
    declared: Node = {"operationId": "cats.create", "responses": {"200": {"description": ""}}, **operation}
    if answer is not None:
        declared["responses"]["200"]["content"] = {"application/json": {"schema": answer}}
    if body is not None:
        declared["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if parameters is not None:
        declared["parameters"] = parameters
    events = {
        name: {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}
        for name, schema in (webhooks or {}).items()
    }
    return {
        "openapi": "3.1.0",
        "paths": {"/cats": {"post": declared}},
        "webhooks": events,
        "components": {"schemas": schemas or {}},
    }


def placed(old: Node, new: Node) -> list[Placed]:
    """What moved between two documents."""
    return list(compare(read_openapi(old, "old"), read_openapi(new, "new")).changes)


def found(old: Node, new: Node) -> list[tuple[str, str, str, str]]:
    """The same as class, movement, place and severity."""
    return [
        (it.change.drift_class, it.change.movement, it.location, str(it.change.severity(it.direction)))
        for it in placed(old, new)
    ]
