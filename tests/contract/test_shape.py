"""Shapes: ids, undocumented fields and prefixes, through nullables, unions and references."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract import Contract, load
from whopwatch.contract.shape import Shape, ShapeCompiler, shapes_of

NULL = {"type": "null"}
USER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "x-resource": "users", "x-id-prefix": ["user_"]},
        "kind": {"type": "string", "const": "User"},
        "name": {"type": "string"},
    },
}
COMPANY = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "x-resource": "companies", "x-id-prefix": ["biz_"]},
        "kind": {"type": "string", "const": "Company"},
        "title": {"type": "string"},
    },
}
POST = {
    "type": "object",
    "properties": {
        "id": {"anyOf": [{"type": "string", "x-resource": "posts"}, NULL]},
        "parent": {"anyOf": [{"$ref": "#/POST"}, NULL]},
        "owner": {"oneOf": [USER, COMPANY, NULL]},
        "metadata": {"type": "object", "additionalProperties": True},
        "product": {"anyOf": [{"type": "string", "x-resource": "products"}, {"$ref": "#/PRODUCT"}]},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
    },
}
PRODUCT = {"type": "object", "properties": {"id": {"type": "string", "x-resource": "products"}}}
DOCUMENT: dict[str, Any] = {"#/POST": POST, "#/PRODUCT": PRODUCT}


def resolve(schema: Any) -> Any:
    return DOCUMENT[schema["$ref"]] if "$ref" in schema else schema


@pytest.fixture
def post() -> Shape:
    return ShapeCompiler(resolve).compile({"$ref": "#/POST"})


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ({"id": "a"}, [("posts", "a")]),
        ({"id": None}, []),
        ({"id": "a", "parent": {"id": "b", "parent": {"id": "c"}}}, [("posts", "a"), ("posts", "b"), ("posts", "c")]),
        ({"owner": {"id": "biz_1", "kind": "Company"}}, [("companies", "biz_1")]),
        ({"owner": {"id": "user_1", "kind": "User"}}, [("users", "user_1")]),
        ({"owner": {"id": "user_1", "name": "x"}}, [("users", "user_1")]),
        ({"owner": None}, []),
        ({"product": "prod_1"}, [("products", "prod_1")]),
        ({"product": {"id": "prod_1"}}, [("products", "prod_1")]),
        ({"metadata": {"id": "x"}}, []),
        ([], []),
        ("text", []),
        (None, []),
        ({"id": 5, "parent": "x", "owner": [1], "tags": {"a": 1}}, []),
    ],
)
def test_ids_are_found_by_resource(post: Shape, value: Any, ids: list[tuple[str, str]]) -> None:
    assert post.ids(value) == ids


@pytest.mark.parametrize(
    ("value", "oddities"),
    [
        ({"id": "a"}, []),
        ({"extra": 1}, [(("extra",), None)]),
        ({"parent": {"parent": {"extra": 1}}}, [(("parent", "parent", "extra"), None)]),
        ({"metadata": {"anything": 1}}, []),
        ({"tags": [{"text": "a"}, {"texts": "b"}]}, [(("tags", 1, "texts"), None)]),
        ({"owner": {"kind": "User", "title": "x"}}, [(("owner", "title"), None)]),
        ({"owner": {"kind": "User", "id": "usr_1"}}, [(("owner", "id"), ("user_",))]),
        ({"product": {"name": "x"}}, [(("product", "name"), None)]),
        ({"tags": "not a list", "parent": 7}, []),
    ],
)
def test_what_nobody_documented_is_located(post: Shape, value: Any, oddities: list[Any]) -> None:
    assert list(post.oddities(value)) == oddities


def test_a_shape_knows_which_ids_it_may_hold(post: Shape) -> None:
    assert post.resources() == {"posts", "users", "companies", "products"}


def test_every_read_of_the_contract_has_a_shape() -> None:
    contract: Contract = load()
    shapes = shapes_of(contract)
    own = [operation for operation in contract.reads if operation.id == f"{operation.resource}.retrieve"]
    assert len(own) == 40
    assert [operation.id for operation in own if operation.resource not in shapes.of(operation).resources()] == []
    assert shapes_of(contract) is shapes
