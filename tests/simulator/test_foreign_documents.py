"""The simulator of a document of another API: what the schema says is what a response has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from whopwatch.contract import load
from whopwatch.run.options import RunOptions, observe_target

NODE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "number", "host", "code", "labels", "children", "by_name"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "number": {"type": "integer"},
        "host": {"type": "string", "format": "ipv4"},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]$", "example": "ABC-1"},
        "short": {"type": "string", "minLength": 3, "maxLength": 5},
        "labels": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
        "parent": {"$ref": "#/components/schemas/Node"},
        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
        "by_name": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Node"}},
    },
}


def test_a_response_has_formats_bounds_and_ends_where_a_schema_contains_itself(tmp_path: Path) -> None:
    nodes = {"type": "object", "properties": {"nodes": NODE["properties"]["children"]}}
    content = {"application/json": {"schema": nodes}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Nodes", "version": "1"},
        "paths": {"/v2/nodes": {"get": {"responses": {"200": {"description": "", "content": content}}}}},
        "components": {"schemas": {"Node": NODE}},
    }
    file = tmp_path / "nodes.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    report = observe_target(RunOptions(contract_name=str(file)), "simulator", {}).report()
    assert load(str(file)).operations.keys() == {"nodes.list"}
    assert [finding.message for finding in report.findings] == []
    assert [(row.id, str(row.state)) for row in report.operations] == [("nodes.list", "verified")]


def test_schemas_that_all_refer_to_each_other_are_not_written_out_along_every_path(tmp_path: Path) -> None:
    names = [f"Part{number}" for number in range(14)]
    links = {name.lower(): {"$ref": f"#/components/schemas/{name}"} for name in names}
    schemas = {
        name: {"type": "object", "properties": {"id": {"type": "string"}, "a_name": {"type": "string"}, **links}}
        for name in names
    }
    paths = {
        f"/{name.lower()}s/{{id}}": {
            "get": {
                "responses": {
                    "200": {
                        "description": "",
                        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
                    }
                }
            }
        }
        for name in names
    }
    document = {"openapi": "3.1.0", "info": {"title": "Parts", "version": "1"}, "paths": paths}
    file = tmp_path / "parts.json"
    file.write_text(json.dumps({**document, "components": {"schemas": schemas}}), encoding="utf-8")
    report = observe_target(RunOptions(contract_name=str(file)), "simulator", {}).report()
    assert [finding.message for finding in report.findings] == []
