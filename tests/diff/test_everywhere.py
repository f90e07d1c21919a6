"""Every pair of the exam in every place of a document, and every part of a document changed: nothing is silent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.diff.test_pairs import OTHER, SHARED, Node, compared, entries, resolved, side_of
from whopwatch.diff.read_schema import is_documentation
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import Side

pytestmark = pytest.mark.thorough

Build = Callable[[Any], Node]


def record(schema: Any) -> Node:
    return {"type": "object", "properties": {"x": schema}, "required": ["x"]}


def deep(schema: Any) -> Node:
    for name in "edcb":
        schema = {"type": "object", "properties": {name: schema}, "required": [name]}
    return schema  # type: ignore[no-any-return]


def json_of(schema: Any) -> Node:
    return {"content": {"application/json": {"schema": schema}}}


def variants(schema: Any) -> Node:
    one = {"type": "object", "properties": {"k": {"const": "a"}, "x": schema}, "required": ["k", "x"]}
    return {"oneOf": [one, {"type": "object", "properties": {"k": {"const": "b"}, "y": {}}, "required": ["k", "y"]}]}


def document(operation: Node, path: str = "/t", **more: Any) -> Node:
    declared: Node = {"operationId": "t.c", "responses": {"200": {"description": ""}}, **operation}
    return {
        "openapi": "3.1.0",
        "paths": {path: {"post": declared}},
        **more,
        "components": {"schemas": {"Thing": SHARED, "Other": OTHER}, **more.get("components", {})},
    }


def request(schema: Any, media: str = "application/json") -> Node:
    return document({"requestBody": {"required": True, "content": {media: {"schema": schema}}}})


def response(schema: Any, status: str = "200") -> Node:
    return document({"responses": {status: json_of(schema)}})


def parameter(schema: Any, where: str, **more: Any) -> Node:
    declared = {"name": "x", "in": where, "schema": schema, **more}
    return document({"parameters": [declared]}, "/t/{x}" if where == "path" else "/t")


def event(schema: Any) -> Node:
    return document({}, webhooks={"a.b": {"post": {"requestBody": json_of(schema)}}})


def callback(part: Node) -> Node:
    return document({"callbacks": {"done": {"{$request.body#/url}": {"post": {"responses": {}, **part}}}}})


SENT: dict[str, Build] = {
    "body": request,
    "body-field": lambda schema: request(record(schema)),
    "body-deep": lambda schema: request(deep(schema)),
    "body-array": lambda schema: request({"type": "array", "items": schema}),
    "body-form": lambda schema: request(record(schema), "multipart/form-data"),
    "body-variant": lambda schema: request(variants(schema)),
    "body-reference": lambda schema: document(
        {"requestBody": {"$ref": "#/components/requestBodies/B"}},
        components={"requestBodies": {"B": json_of(record(schema))}},
    ),
    "callback-response": lambda schema: callback({"responses": {"200": json_of(record(schema))}}),
}
RECEIVED: dict[str, Build] = {
    "response": response,
    "response-field": lambda schema: response(record(schema)),
    "response-deep": lambda schema: response(deep(schema)),
    "response-array": lambda schema: response({"type": "array", "items": schema}),
    "response-map": lambda schema: response({"type": "object", "additionalProperties": record(schema)}),
    "response-range": lambda schema: response(record(schema), "2XX"),
    "response-default": lambda schema: response(record(schema), "default"),
    "response-variant": lambda schema: response(variants(schema)),
    "response-all-of": lambda schema: response({"allOf": [record(schema), {"properties": {"y": {"type": "integer"}}}]}),
    "response-reference": lambda schema: document(
        {"responses": {"200": {"$ref": "#/components/responses/R"}}},
        components={"responses": {"R": json_of(record(schema))}},
    ),
    "webhook": event,
    "webhook-deep": lambda schema: event(deep(schema)),
    "callback": lambda schema: callback({"requestBody": json_of(record(schema))}),
}
OTHERS: dict[str, Build] = {
    "error": lambda schema: document({"responses": {"200": {}, "400": json_of(record(schema))}}),
    "query": lambda schema: parameter(schema, "query"),
    "query-object": lambda schema: parameter(record(schema), "query", style="deepObject"),
    "header": lambda schema: parameter(schema, "header"),
    "cookie": lambda schema: parameter(schema, "cookie"),
    "path": lambda schema: parameter(schema, "path", required=True),
    "response-header": lambda schema: document({"responses": {"200": {"headers": {"X-A": {"schema": schema}}}}}),
}


def expectations(entry: Node, side: str) -> set[tuple[str, ...]]:
    texts = entry[side]
    return {tuple(text.split()[:2]) for text in ([texts] if isinstance(texts, str) else texts)}


@pytest.mark.parametrize("place", [*SENT, *RECEIVED])
def test_a_change_weighs_the_same_in_every_place(place: str) -> None:
    build = SENT.get(place) or RECEIVED[place]
    for entry in entries("values", "structures", "keywords"):
        comparison = compared(build(resolved(entry["old"])), build(resolved(entry["new"])))
        found = {(one.finding.drift_class, str(one.finding.severity)) for one in comparison.changes}
        found |= {("not-compared", gap.keyword.split()[0]) for gap in comparison.gaps}
        assert found == expectations(entry, "sent" if place in SENT else "received") - {("none",)}, entry["id"]


@pytest.mark.parametrize("place", OTHERS)
def test_no_change_is_silent_in_any_place(place: str) -> None:
    build = OTHERS[place]
    for entry in entries("values", "structures", "keywords"):
        comparison = compared(build(resolved(entry["old"])), build(resolved(entry["new"])))
        is_silent = not comparison.changes and not comparison.gaps
        assert is_silent is (expectations(entry, "received") == {("none",)}), entry["id"]


SCHEMA: Node = {
    "type": "object",
    "required": ["a", "u"],
    "properties": {
        "a": {"type": "string", "format": "uri", "pattern": "^h", "minLength": 2, "maxLength": 9, "default": "hi"},
        "n": {"type": "number", "minimum": 1, "maximum": 9, "multipleOf": 2},
        "e": {"type": "string", "enum": ["a", "b"]},
        "l": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        "t": {"type": "array", "prefixItems": [{"type": "string"}], "contains": {"const": "q"}, "minContains": 2},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}, "propertyNames": {"maxLength": 3}},
        "p": {"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "minProperties": 2},
        "u": {
            "oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
            "discriminator": {"propertyName": "k", "mapping": {"a": "#/components/schemas/A"}},
        },
        "r": {"type": "string", "readOnly": True, "deprecated": True, "x-sunset": "2030-01-01"},
        "c": {"type": "string", "contentMediaType": "text/html", "contentEncoding": "base64"},
        "i": {"if": {"type": "string"}, "then": {"minLength": 3}, "else": {"minimum": 3}, "not": {"const": 5}},
        "d": {"type": "object", "dependentRequired": {"a": ["b"]}, "unevaluatedProperties": False},
        "x": {"type": "string", "xml": {"name": "y"}, "x-meaning": 5, "newKeyword": True},
    },
}
WHOLE: Node = {
    "openapi": "3.1.0",
    "info": {"x-api-version-date": "2026-01-01"},
    "servers": [{"url": "https://{h}.org", "variables": {"h": {"default": "a", "enum": ["a", "b"]}}, "x-kind": 1}],
    "security": [{"key": []}],
    "paths": {
        "/t/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {
                "operationId": "t.c",
                "deprecated": True,
                "x-sunset": "2030-01-01",
                "x-quota": 3,
                "security": [{"oauth": ["read", "write"]}, {"key": []}],
                "servers": [{"url": "https://c.org"}],
                "parameters": [
                    {"name": "q", "in": "query", "required": True, "style": "pipeDelimited", "explode": True,
                     "allowReserved": True, "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "X-H", "in": "header", "deprecated": True, "x-note": 1, "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {"multipart/form-data": {"schema": SCHEMA, "encoding": {"a": {"contentType": "a/b"}}}},
                },
                "responses": {
                    "201": {
                        "headers": {"X-R": {"required": True, "schema": {"type": "integer"}}},
                        "links": {"next": {"operationId": "t.c", "parameters": {"id": "$response.body#/a"}}},
                        "content": {"application/json": {"schema": SCHEMA}},
                    },
                    "4XX": {"headers": {"X-E": {"schema": {"type": "string"}}}, **json_of(SCHEMA)},
                },
                "callbacks": {"done": {"{$request.body#/a}": {"put": {"requestBody": json_of(SCHEMA)}}}},
            },
        }
    },
    "webhooks": {"t.made": {"post": {"requestBody": json_of(SCHEMA), "responses": {"200": {}}}}},
    "components": {
        "schemas": {
            "A": {"type": "object", "required": ["k"], "properties": {"k": {"const": "a"}, "v": {"type": "string"}}},
            "B": {"type": "object", "required": ["k"], "properties": {"k": {"const": "b"}, "w": {"type": "string"}}},
        },
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "oauth": {
                "type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://o", "scopes": {"read": ""}}},
            },
        },
    },
}  # fmt: skip


def leaves(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value that is no object and no array with entries."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    if not parts or not node:
        yield at
    for key, part in parts:
        if not (isinstance(key, str) and is_documentation(key)):
            yield from leaves(part, (*at, key))


def other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 2
    return f"{value}Z" if isinstance(value, str) else value


SPECIAL = {
    "type": "boolean",
    "$ref": "#/components/schemas/A",
    "in": "cookie",
    "openapi": "3.1.0",
    "parameters": "$response.body#/b",
    "contentEncoding": "base16",
}
"""Values that have to stay valid."""
WITHOUT_EFFECT = {
    ("paths", "/t/{id}", "parameters", 0, "name"),
    ("paths", "/t/{id}", "parameters", 0, "required"),
    ("components", "securitySchemes", "oauth", "flows", "implicit", "scopes", "read"),
}
"""Names of path parameters are not part of a request; the text beside a scope is documentation."""


@pytest.fixture(scope="module")
def whole() -> Side:
    return side_of("old", WHOLE)


@pytest.mark.parametrize(
    "at", [at for at in leaves(WHOLE) if at not in WITHOUT_EFFECT], ids=lambda at: "/".join(map(str, at))[-100:]
)
def test_no_part_of_a_document_is_forgotten(at: tuple[Any, ...], whole: Side) -> None:
    changed = copy.deepcopy(WHOLE)
    *above, key = at
    owner: Any = changed
    for step in above:
        owner = owner[step]
    owner[key] = SPECIAL.get(str(key), other(owner[key]))
    if key == "type" and "securitySchemes" in at:
        owner[key] = "mutualTLS"
    if json.dumps(changed) == json.dumps(WHOLE):
        return
    comparison = compare_sides(whole, side_of("new", changed))
    assert comparison.changes or comparison.gaps
