"""What the documents say where the SDKs are silent, and how they say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.contract_build.walk import all_schemas

ERRORS = {"400", "401", "403", "404", "422", "429", "500"}


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from item.values()


def names(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    shared = document["components"]["parameters"]
    return [shared[item["$ref"].rpartition("/")[2]]["name"] if "$ref" in item else item["name"]
            for item in operation["parameters"]]  # fmt: skip


def test_every_operation_documents_its_errors(bundle: dict[str, Any]) -> None:
    assert all(set(operation["responses"]) == {"200", *ERRORS} for operation in operations(bundle["v1"]))


def test_headers_that_operations_take(bundle: dict[str, Any]) -> None:
    v1 = bundle["v1"]
    for item in v1["paths"].values():
        for method, operation in item.items():
            assert names(v1, operation).count("Api-Version-Date") == 1
            assert names(v1, operation).count("Idempotency-Key") == (method == "post")


def test_lists_answer_a_page(bundle: dict[str, Any]) -> None:
    for operation in operations(bundle["v1"]):
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        if operation.get("x-list"):
            assert {"after", "before", "first", "last"} <= set(names(bundle["v1"], operation))
            assert schema["properties"]["page_info"] == {"$ref": "#/components/schemas/PageInfo"}
            assert schema["required"] == ["data", "page_info"]


def test_page_info_is_that_of_the_reference(bundle: dict[str, Any]) -> None:
    page = bundle["v1"]["components"]["schemas"]["PageInfo"]
    assert set(page["required"]) == {"end_cursor", "start_cursor", "has_next_page", "has_previous_page"}
    assert page["properties"]["end_cursor"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert page["properties"]["has_next_page"] == {"type": "boolean"}


def test_discriminators_map_every_variant(bundle: dict[str, Any]) -> None:
    schemas = bundle["v1"]["components"]["schemas"]
    unions = [schema for _, schema in all_schemas(bundle["v1"]) if "discriminator" in schema]
    assert len(unions) == 5
    for union in unions:
        tag, mapping = union["discriminator"]["propertyName"], union["discriminator"]["mapping"]
        assert list(mapping.values()) == [variant["$ref"] for variant in union["oneOf"]]
        for value, reference in mapping.items():
            variant = schemas[reference.rpartition("/")[2]]
            assert variant["properties"][tag] == {"type": "string", "enum": [value]}
            assert tag in variant["required"]


def test_public_operations(bundle: dict[str, Any]) -> None:
    public = {operation["operationId"] for operation in operations(bundle["v1"]) if operation.get("x-public")}
    assert public == {"users.retrieve", "products.retrieve", "apps.retrieve", "plans.retrieve"}


def test_a_chapter_in_a_lesson_is_a_chapter(bundle: dict[str, Any]) -> None:
    lesson = bundle["v1"]["components"]["schemas"]["CourseLessonInteraction"]["properties"]["lesson"]["properties"]
    assert lesson["id"]["x-resource"] == "course_lessons"
    assert lesson["chapter"]["properties"]["id"]["x-resource"] == "course_chapters"


def test_only_ids_bear_a_resource(bundle: dict[str, Any]) -> None:
    for document in (bundle["v1"], bundle["v2"]):
        for pointer, schema in all_schemas(document):
            if "x-resource" in schema or "x-id-prefix" in schema:
                assert schema["type"] == "string", pointer


def test_the_v2_plan(bundle: dict[str, Any]) -> None:
    v2 = bundle["v2"]
    plan = v2["components"]["schemas"]["Plan"]
    (operation,) = operations(v2)
    assert v2["servers"][0]["url"].endswith("/api/v2")
    assert operation["operationId"] == "v2.plans.retrieve"
    assert len(plan["properties"]) == 20
    assert [name for name, schema in plan["properties"].items() if schema.get("deprecated")] == [
        "access_pass",
        "card_payments",
    ]
    assert [name for name, schema in plan["properties"].items() if {"type": "null"} in schema.get("anyOf", [])] == [
        "billing_period",
        "internal_notes",
    ]
    assert [schema["type"] for schema in plan["properties"]["product"]["anyOf"]] == ["string", "object"]
    assert plan["properties"]["visibility"]["enum"] == ["visible", "hidden", "archived", "quick_link"]
    expand = operation["parameters"][1]
    assert (expand["name"], expand["schema"]["items"]["enum"]) == ("expand[]", ["product"])
