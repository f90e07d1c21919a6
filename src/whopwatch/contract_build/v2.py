"""The one documented operation of v2, assembled from the facts of its reference page."""

from __future__ import annotations

from typing import Any

from whopwatch.contract_build.declared import Reference

_OPEN: dict[str, dict[str, Any]] = {"object": {"additionalProperties": True}, "array": {"items": {}}}


def assemble_v2(reference: Reference) -> dict[str, Any]:
    """Return the v2 document, before the decisions of its overlay."""
    facts = reference.data["v2"]
    operation = facts["operation"]
    plan = {"type": "object", "properties": {item["name"]: _field(item) for item in facts["fields"]}}
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "x-resource": "plans"}},
        {
            "name": "expand[]",
            "in": "query",
            "required": False,
            "style": "form",
            "explode": True,
            "schema": {"type": "array", "items": {"type": "string", "enum": facts["expand"]}},
        },
    ]
    assembled = {
        "operationId": operation["id"],
        "tags": [operation["tag"]],
        "summary": "Retrieve a plan",
        "security": [{"bearerAuth": []}],
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "Success",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Plan"}}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Whop API v2", "version": "2"},
        "servers": [{"url": facts["base_url"], "description": "production"}],
        "tags": [{"name": operation["tag"]}],
        "paths": {operation["path"]: {operation["method"].lower(): assembled}},
        "components": {"schemas": {"Plan": plan}},
    }


def _field(item: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": item["type"], **_OPEN.get(item["type"], {})}
    if item["name"] == "id":
        schema["x-resource"] = "plans"
    if "expandable" in item:
        schema["x-resource"] = f"{item['expandable']}s"
        schema = {"anyOf": [schema, {"type": "object", "additionalProperties": True}]}
    for key in ("enum", "deprecated"):
        if key in item:
            schema[key] = item[key]
    return schema
