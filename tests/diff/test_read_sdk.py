"""The types of an SDK as shapes that can be compared."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    MapOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
    SdkOperation,
)
from whopwatch.diff.model import Shape
from whopwatch.diff.read_sdk import read_sdk

JSON = "application/json"
TEXT = Scalar("string")
STRING = Shape(frozenset({"string"}))
Generator = Literal["stainless", "fern"]


def shape_of(type: Any, language: str = "python", generator: Generator = "stainless") -> Shape:
    """Return the shape of a named type of an SDK."""
    model = SdkModel(language, "1.0.0", types={"Thing": type}, generator=generator)
    return read_sdk(model, "sdk").types["Thing"]


@pytest.mark.parametrize(
    ("type", "shape"),
    [
        (Scalar("any"), Shape(nullable=None)),
        (Scalar("date-time"), Shape(frozenset({"string"}), format="date-time")),
        (TEXT, STRING),
        (Enum(("a", "b")), Shape(frozenset({"string"}), enum=("a", "b"))),
        (Enum((1, "b", True)), Shape(frozenset({"string", "integer", "boolean"}), enum=(1, "b", True))),
        (ListOf(TEXT), Shape(frozenset({"array"}), items=STRING)),
        (MapOf(TEXT), Shape(frozenset({"object"}), values=STRING)),
        (NamedType("Other"), Shape(ref="Other")),
        (Nullable(NamedType("Other")), Shape(ref="Other", nullable=True)),
        (OneOf((TEXT, NamedType("Other")), "kind"), Shape(variants=(STRING, Shape(ref="Other")), tag="kind")),
    ],
)
def test_a_type_has_its_shape(type: Any, shape: Shape) -> None:
    assert shape_of(type) == shape


def test_an_sdk_in_typescript_does_not_say_whether_a_number_is_whole() -> None:
    assert shape_of(Scalar("number"), "typescript").vague == {"integer", "format"}
    assert shape_of(Scalar("number"), "python").vague == frozenset()


@pytest.mark.parametrize(
    ("language", "generator", "required", "is_required", "nullable"),
    [
        ("python", "stainless", True, True, False),
        ("python", "stainless", False, False, None),  # `Optional` for both
        ("python", "stainless", None, True, False),
        ("typescript", "stainless", False, False, False),
        ("python", "fern", True, True, False),
        ("python", "fern", None, None, None),
        ("python", "fern", False, False, False),
    ],
)
def test_a_field_that_is_read_may_hide_whether_it_is_nullable(
    language: str, generator: Generator, required: bool | None, is_required: bool | None, nullable: bool | None
) -> None:
    (item,) = shape_of(RecordType((RecordField("x", TEXT, required),)), language, generator).properties or ()
    assert (item.required, item.shape.nullable) == (is_required, nullable)


def operation(**changes: Any) -> Any:
    """Return the only operation of an SDK in Python, as it is compared."""
    method = SdkOperation("a.list", "GET", "/a", **changes)
    return read_sdk(SdkModel("python", "1", {method.id: method}, array_suffix="[]"), "sdk").operations[method.id]


def test_parameters_of_a_query_have_no_null_and_the_suffix_of_arrays() -> None:
    fields = (RecordField("ids", Nullable(ListOf(TEXT)), False), RecordField("q", Nullable(TEXT), True, True))
    ids, q = operation(query=fields).parameters
    assert (ids.name, ids.required, ids.shape.nullable) == ("ids[]", False, False)
    assert (q.name, q.required, q.deprecated, q.shape) == ("q", True, True, STRING)


def test_a_body_may_have_variants_and_a_sent_field_shows_that_it_is_not_nullable() -> None:
    one = RecordType((RecordField("x", TEXT, False),))
    assert operation().body is None
    single = operation(body=(one,), body_required=True).body
    assert single.required
    assert single.content[JSON].properties[0].shape.nullable is False
    assert [len(shape.properties) for shape in operation(body=(one, one)).body.content[JSON].variants] == [1, 1]


def test_a_list_answers_a_page_and_other_operations_what_they_return() -> None:
    def answer(**changes: Any) -> Any:
        return operation(**changes).answers["success"].content.get(JSON)

    assert operation().answers["success"].content == {}
    assert answer(response=TEXT) == STRING
    assert answer(response=TEXT, page=NamedType("Page")) == Shape(ref="Page")
    data, info = answer(response=TEXT, is_list=True).properties
    assert (data.name, data.shape.items, info.name, info.shape.ref) == ("data", STRING, "page_info", "PageInfo")
    assert (data.required, info.required) == (True, True)


def test_facets_are_what_the_sdk_documents() -> None:
    def facets(language: str, **changes: Any) -> set[str]:
        method = SdkOperation("a.list", "GET", "/a", **changes)
        return set(read_sdk(SdkModel(language, "1", {method.id: method}), "sdk").facets)

    assert facets("typescript") == {"array-names"}
    assert facets("python") == {"array-names", "deprecations", "hosts"}
    assert facets("typescript", scopes=("a",), errors=()) == {"array-names", "scopes", "errors"}
