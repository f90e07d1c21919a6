"""What is read from an OpenAPI document beyond its keywords, and what is not understood."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract.openapi_inference import infer, not_understood, not_used

JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}
CSV: dict[str, Any] = {"content": {"text/csv": {}, "application/xml": {}}}


def notes(operation: dict[str, Any], method: str = "get", **document: Any) -> list[tuple[str, str]]:
    """Return the notes about a document with one operation."""
    found = not_understood({"paths": {"/cats": {method: operation}}, **document})
    return [(one.operation, one.what) for one in found]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({}, []),
        ({"requestBody": JSON, "responses": {"200": JSON, "404": CSV}}, []),
        ({"parameters": [{"name": "a", "in": "query"}, 5]}, []),
        ({"parameters": [{"name": "sid", "in": "cookie"}]}, ["the cookie sid is not sent"]),
        ({"requestBody": CSV}, ["the request body has no JSON: application/xml, text/csv"]),
        ({"requestBody": {"content": {}}}, []),
        ({"responses": {"201": CSV}}, ["the response 201 has no JSON: application/xml, text/csv"]),
        ({"responses": {"200": {"content": {"application/problem+json": {}}}}}, []),
        ({"callbacks": {"made": {}}}, ["callbacks are not checked"]),
        ({"callbacks": {}}, []),
    ],
)
def test_parts_of_an_operation_that_are_not_checked(operation: dict[str, Any], expected: list[str]) -> None:
    for method in ("get", "post", "put", "patch", "delete"):
        assert notes(operation, method) == [(f"{method.upper()} /cats", what) for what in expected]


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ({"200": JSON, "404": JSON}, []),
        ({"200": JSON, "default": JSON}, ["the default responses of 1 operations are not checked"]),
        ({"default": JSON}, []),
        ({"404": JSON, "default": JSON}, []),
        ({"4xx": JSON, "5XX": JSON, "2XX": JSON, "200": JSON}, [
            "responses 4XX of 1 operations are not checked",
            "responses 5XX of 1 operations are not checked",
        ]),
        ({"200": {"headers": {"X": {}}}}, ["response headers of 1 operations are not checked"]),
        ({"200": {"headers": {}}}, []),
    ],
)  # fmt: skip
def test_responses_that_are_not_checked_are_counted(responses: dict[str, Any], expected: list[str]) -> None:
    assert notes({"responses": responses}) == [("responses", what) for what in expected]
    twice = {"paths": {path: {"get": {"responses": responses}} for path in ("/a", "/b")}}
    assert [one.what for one in not_understood(twice)] == [what.replace("of 1", "of 2") for what in expected]


def test_other_methods_and_malformed_paths_are_named() -> None:
    assert notes({}, "head") == [("HEAD /cats", "the method is not checked")]
    assert notes({}, "x-note") == notes(5, "get") == []  # type: ignore[arg-type]
    found = list(not_understood({"paths": {"/a": [], "/b": {"$ref": "#/nowhere"}, "/c": {}}}))
    assert [(one.operation, one.what) for one in found] == [
        ("/a", "the path item is not an object"),
        ("/b", "the path item is not an object"),
    ]
    assert list(not_understood({"paths": []})) == list(not_understood({})) == []


def test_references_are_followed() -> None:
    document = {"components": {"requestBodies": {"A": CSV}, "responses": {"R": {"headers": {"X": {}}}}}}
    operation = {
        "requestBody": {"$ref": "#/components/requestBodies/A"},
        "responses": {"200": {"$ref": "#/components/responses/R"}},
    }
    assert notes(operation, "post", **document) == [
        ("POST /cats", "the request body has no JSON: application/xml, text/csv"),
        ("responses", "response headers of 1 operations are not checked"),
    ]
    assert notes({"requestBody": {"$ref": "#/nowhere"}}) == []


@pytest.mark.parametrize(
    ("item", "is_noted"),
    [
        ({"post": {"requestBody": JSON}}, False),
        ({"post": {"requestBody": CSV}}, True),
        ({"post": {}}, True),
        ({"put": {"requestBody": JSON}}, True),
        ({"summary": "x", "post": {"requestBody": JSON}}, False),
        ([], False),
    ],
)
def test_an_event_is_a_post_with_a_json_body(item: Any, is_noted: bool) -> None:
    expected = [("webhook made", "only a POST with a JSON body becomes an event")] if is_noted else []
    assert notes({}, webhooks={"made": item}) == expected


def test_components_that_nothing_refers_to_are_named() -> None:
    schemas = {
        "Cat": {"properties": {"owner": {"$ref": "#/components/schemas/Owner"}}},
        "Owner": {"properties": {"cat": {"$ref": "#/components/schemas/Cat"}}},
        "Dog": {"discriminator": {"mapping": {"a": "Puppy", "b": "#/components/schemas/Old~1Dog"}}},
        "Puppy": {},
        "Old/Dog": {},
        "Lone": {"properties": {"lone": {"$ref": "#/components/schemas/Lone"}}},
        "x-note": {},
    }
    document = {
        "paths": {"/a": {"get": {"a": {"$ref": "#/components/schemas/Cat"}, "b": [{"$ref": "Dog"}]}}},
        "security": [{"key": []}, 5],
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {}, "other": {}},
            "examples": {"unused": {}},
            "x-kind": {"unused": {}},
            "responses": 5,
        },
    }
    assert not_used(document) == {"schemas": ["Lone"], "securitySchemes": ["other"]}
    assert not_used({}) == {}


def inferred(operation: dict[str, Any], path: str = "/cats", method: str = "get") -> list[str]:
    operation = {"parameters": [], "responses": {}, **operation}
    listed: dict[str, Any] = {"parameters": [], "responses": {}}
    document = {"paths": {"/cats": {"get": listed}, path: {method: operation}}}
    return [one.what for one in infer(document, {("get", "/cats")} if path != "/cats" else set())]


@pytest.mark.parametrize(
    ("names", "style"),
    [
        (("first", "after", "last", "before"), "cursor, both directions"),
        (("first", "after", "last"), "cursor"),
        (("limit", "starting_after"), "cursor"),
        (("cursor",), "cursor"),
        (("page", "per_page"), "pages by number"),
        (("offset", "limit"), "offset"),
        (("limit",), None),
    ],
)
def test_the_parameters_of_a_list_show_how_it_is_paged(names: tuple[str, ...], style: str | None) -> None:
    operation = {"parameters": [{"name": name, "in": "query", "schema": {}} for name in names]}
    assert inferred(operation) == ([f"a list: {style}; its pages are not checked"] if style else [])
    assert inferred({**operation, "x-list": True}) == [f"a list: {style or 'cursor'}; its pages are checked"]


def test_an_array_is_a_list_of_one_page_and_an_open_operation_needs_no_key() -> None:
    array = {"content": {"application/json": {"schema": {"type": "array"}}}}
    assert inferred({"responses": {"200": array}}) == ["a list: one page; its pages are not checked"]
    assert inferred({"responses": {"404": array}}) == inferred({"responses": {"200": JSON}}) == []
    assert inferred({"x-public": True}) == ["works without a key"]
    assert inferred({"x-public": False}) == []
