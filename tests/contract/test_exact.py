"""The exact schema: what it takes is documented to the last field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whopwatch.contract.schema import SchemaStore, Validator
from whopwatch.contract.schema_tree import SchemaNode, SchemaTree

NULL = {"type": "null"}
USER = {
    "type": "object",
    "properties": {"id": {"type": "string", "x-id-prefix": ["user_", "usr."]}, "kind": {"const": "User"}},
    "required": ["kind"],
}
COMPANY = {
    "type": "object",
    "properties": {"id": {"type": "string", "x-id-prefix": ["biz_"]}, "kind": {"const": "Company"}},
    "required": ["kind"],
}
LOOSE = {"type": "object", "properties": {"a": {"type": "integer"}}}
POST = {
    "type": "object",
    "properties": {
        "id": {"anyOf": [{"type": "string", "x-id-prefix": ["post_"]}, NULL]},
        "code": {"type": "string", "pattern": "1$", "x-id-prefix": ["c_"]},
        "parent": {"anyOf": [{"$ref": "#/components/schemas/Post"}, NULL]},
        "owner": {"oneOf": [USER, COMPANY]},
        "either": {"oneOf": [LOOSE, {"type": "object", "properties": {"b": {"type": "integer"}}}]},
        "metadata": {"type": "object", "properties": {"a": NULL}, "additionalProperties": True},
        "properties": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
    },
}
DOCUMENT: dict[str, Any] = {"components": {"schemas": {"Post": POST}}}


@pytest.fixture(scope="module")
def validator() -> Validator:
    return SchemaStore(DOCUMENT).validator("/components/schemas/Post")


@pytest.fixture(scope="module")
def node() -> SchemaNode:
    return SchemaTree(SchemaStore(DOCUMENT).resolve).read({"$ref": "#/components/schemas/Post"})


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"id": None, "parent": None},
        {"id": "post_1", "parent": {"id": "post_2", "parent": {"id": "post_3"}}},
        {"owner": {"kind": "User", "id": "user_1"}},
        {"owner": {"kind": "User", "id": "usr.1"}},
        {"owner": {"kind": "Company", "id": "biz_1"}},
        {"metadata": {"anything": 1}},
        {"properties": [{"text": "a"}, {}]},
        {"code": "c_1"},
    ],
)
def test_what_is_documented_is_exact(validator: Validator, node: SchemaNode, value: Any) -> None:
    assert validator.is_exact(value)
    assert validator.is_valid(value)
    assert list(node.undocumented(value)) == []


@pytest.mark.parametrize(
    "value",
    [
        {"extra": 1},
        {"id": "pst_1"},
        {"id": "x post_1"},
        {"code": "1"},
        {"parent": {"parent": {"extra": None}}},
        {"parent": {"id": "pst_1"}},
        {"owner": {"kind": "User", "id": "biz_1"}},
        {"owner": {"kind": "User", "id": "usr_1"}},
        {"owner": {"kind": "Company", "title": "x"}},
        {"properties": [{"text": "a"}, {"texts": "b"}]},
    ],
)
def test_what_is_valid_and_not_documented_is_not_exact(validator: Validator, node: SchemaNode, value: Any) -> None:
    assert not validator.is_exact(value)
    assert validator.is_valid(value)
    assert len(list(node.undocumented(value))) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1},
        {"code": "c_2"},
        {"metadata": {"a": 1}},
        {"owner": {"kind": "Unknown"}},
        {"either": {"a": 1}},  # keeps both variants, of which the exact one keeps only one
        {"parent": {"properties": [None]}},
        None,
    ],
)
def test_what_is_not_valid_is_not_exact(validator: Validator, value: Any) -> None:
    assert not validator.is_valid(value)
    assert not validator.is_exact(value)


NULLABLE_PARTS = [
    {"type": "string", "enum": ["a", "b"], "x-open-enum": True, "description": "of the field"},
    {"type": "string", "format": "date", "default": None},
    {"type": "object", "properties": {"title": {"type": "string"}, "x-y": NULL}, "required": ["title"]},
    {"type": "array", "items": {"anyOf": [NULL, {"type": "number"}]}},
    {"type": "integer", "minimum": 2},
    {"const": 1},
    {"anyOf": [{"type": "boolean"}, NULL]},
    NULL,
]


@given(
    part=st.sampled_from(NULLABLE_PARTS),
    is_first=st.booleans(),
    value=st.sampled_from(
        [None, "a", "c", "2025-01-01", {}, {"title": "a"}, {"title": None}, [], [1, None], [""], 1, 3, True]
    )
    | st.dictionaries(st.sampled_from(["title", "x-y"]), st.sampled_from([None, "a", 1])),
)
def test_a_nullable_takes_the_same_values_in_its_exact_form(part: dict[str, Any], is_first: bool, value: Any) -> None:
    """The parts document no field beside those of the values, so that valid and exact are the same."""
    branches = [part, NULL] if is_first else [NULL, part]
    validator = SchemaStore({"schema": {"anyOf": branches}}).validator("/schema")
    assert validator.is_exact(value) == validator.is_valid(value)
