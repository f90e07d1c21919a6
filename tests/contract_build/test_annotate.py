from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract_build.assemble import annotate
from whopwatch.contract_build.schemas import IdRelations, resource_singular

PREFIXES = {"users": ["user_"], "companies": ["biz_"], "forums": []}


def settled(schema: dict[str, Any]) -> dict[str, Any]:
    annotate(schema, PREFIXES)
    return schema


def test_an_id_gets_the_prefixes_of_its_resource() -> None:
    assert settled({"type": "string", "x-resource": "users"})["x-id-prefix"] == ["user_"]


def test_an_annotation_moves_to_the_string_inside() -> None:
    nullable_list = {
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
        "x-resource": "users",
    }
    string = {"type": "string", "x-resource": "users", "x-id-prefix": ["user_"]}
    assert settled(nullable_list) == {"anyOf": [{"type": "array", "items": string}, {"type": "null"}]}


def test_alternatives_add_their_prefixes() -> None:
    schema = {"type": "string", "x-resource": "users", "x-resource-alternatives": ["companies"]}
    assert settled(schema)["x-id-prefix"] == ["user_", "biz_"]


def test_one_alternative_without_prefix_leaves_none_to_check() -> None:
    schema = {"type": "string", "x-resource": "users", "x-resource-alternatives": ["forums"]}
    assert "x-id-prefix" not in settled(schema)


def test_a_declared_prefix_stays() -> None:
    assert settled({"type": "string", "x-resource": "users", "x-id-prefix": ["u_"]})["x-id-prefix"] == ["u_"]


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("companies", "company"),
        ("entries", "entry"),
        ("promo_codes", "promo_code"),
        ("course_lessons", "course_lesson"),
    ],
)
def test_singular(plural: str, one: str) -> None:
    assert resource_singular(plural) == one


@pytest.mark.parametrize(
    ("field", "owner", "resource"),
    [
        ("id", "users", "users"),
        ("id", None, None),
        ("company_id", None, "companies"),
        ("user_ids", None, "users"),
        ("parent_company_id", None, None),
        ("company", None, None),
    ],
)
def test_what_the_name_of_a_field_says(field: str, owner: str | None, resource: str | None) -> None:
    assert IdRelations(PREFIXES).of_field(field, owner) == resource


def test_what_a_path_says() -> None:
    relations = IdRelations(PREFIXES)
    assert relations.of_path("/users/{id}/access/{company_id}", "id") == "users"
    assert relations.of_path("/users/{id}/access/{company_id}", "company_id") == "companies"


def test_a_resource_that_a_release_lacks_is_not_named() -> None:
    dog = {"type": "string", "x-resource": "dogs"}
    document = {
        "one": {"type": "string", "x-resource": "cats"},
        "two": {"type": "string", "x-resource": "cats", "x-resource-alternatives": ["dogs"]},
        "three": {"type": "string", "x-resource": "dogs", "x-resource-alternatives": ["cats"]},
    }
    annotate(document, {}, {"cats"})
    assert document == {"one": {"type": "string"}, "two": dog, "three": dog}
