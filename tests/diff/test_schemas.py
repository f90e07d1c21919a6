"""Schemas that are read and combined: malformed limits, and unions that have to hold together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diff.documents import TEXT, WHOLE, Node, document, found, placed, record
from whopwatch.core.errors import ContractError
from whopwatch.diff.causes import _Groups
from whopwatch.diff.model import Property, Shape
from whopwatch.diff.payloads import covers
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.values import comparable_types, compare_nullability


def answer(**schema: Any) -> Node:
    return document(answer=record("x", x=schema))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("pattern", 5, "a string"),
        ("maxLength", "9", "a number"),
        ("minimum", "0", "a number"),
        ("maxItems", [1], "a number"),
    ],
)
def test_a_limit_of_another_type_is_an_error_with_its_place(key: str, value: Any, expected: str) -> None:
    with pytest.raises(ContractError) as raised:
        read_openapi(answer(**{"type": "string", key: value}), "old")
    assert f"/{key}" in str(raised.value)
    assert expected in str(raised.value)


def test_exclusive_bounds_of_both_versions_of_openapi_mean_the_same() -> None:
    old = answer(type="integer", minimum=3, exclusiveMinimum=True)
    assert found(old, answer(type="integer", exclusiveMinimum=3)) == []
    plain = answer(type="integer", minimum=3, exclusiveMinimum=False)
    assert found(plain, answer(type="integer", minimum=3)) == []
    assert [row[0] for row in found(old, plain)] == ["D11"]


@pytest.mark.parametrize("part", [{}, {"description": "any value"}, {"x-internal": True}])
def test_a_part_that_allows_everything_takes_nothing_away(part: Node) -> None:
    whole = {"type": ["string", "null"]}
    assert found(answer(**whole), answer(allOf=[part, whole])) == []
    assert found(answer(**whole), answer(allOf=[whole, part])) == []
    assert found(answer(), answer(allOf=[part, part])) == []


def union(count: int, prefix: str) -> Node:
    return {"anyOf": [record(f"{prefix}{number}", **{f"{prefix}{number}": TEXT}) for number in range(count)]}


def test_unions_that_hold_together_are_multiplied_unless_they_are_large() -> None:
    small = document(answer={"allOf": [union(2, "a"), union(2, "b")]})
    other = document(answer={"allOf": [union(2, "a"), union(3, "b")]})
    assert found(small, small) == []
    assert {row[0] for row in found(small, other)} == {"D18"}
    large = document(answer={"allOf": [union(40, "a"), union(40, "b")]})
    assert found(large, large) == []


@pytest.mark.parametrize(
    ("branches", "changes"),
    [
        ([{"minLength": 1}, {"type": "string"}], []),  # the other branch still states the type
        ([{"type": ["string", "null"], "minLength": 1}, {"type": "string"}], []),
        ([{"minLength": 1}, {}], [("D8", "widened")]),
    ],
)
def test_a_type_that_one_of_two_branches_no_longer_states(branches: list[Node], changes: list[tuple[str, str]]) -> None:
    before = record("Answer", value={"allOf": [{"type": "string", "minLength": 1}, {"type": "string"}]})
    after = record("Answer", value={"allOf": branches})
    rows = found(document(answer=before), document(answer=after))
    assert [(row[0], row[1]) for row in rows] == changes


def test_variants_are_paired_by_their_constant_before_their_fields() -> None:
    def kinds(*variants: tuple[str, Node]) -> Node:
        shapes = [
            record("kind value", kind={"type": "string", "enum": [kind]}, value=value) for kind, value in variants
        ]
        return document(answer={"oneOf": shapes})

    old, new = kinds(("a", TEXT), ("b", WHOLE)), kinds(("b", TEXT), ("a", TEXT))
    assert [(row[0], row[1]) for row in found(old, new)] == [("D7", "replaced")]


def test_a_shared_schema_that_nothing_refers_to_is_read_too() -> None:
    shared = {"Lone": record("x", x=TEXT)}
    assert read_openapi(document(schemas=shared), "old").types.keys() == {"Lone"}


def test_variants_without_a_constant_are_paired_by_their_fields() -> None:
    one, other = record("a b", a=TEXT, b=TEXT), record("c d", c=TEXT, d=TEXT)
    old = document(answer={"anyOf": [one, other]})
    new = document(answer={"anyOf": [record("c d", c=WHOLE, d=TEXT), record("a b", a=TEXT, b=WHOLE)]})
    assert sorted(row[:2] for row in found(old, new)) == [("D7", "replaced")] * 2


@pytest.mark.parametrize(
    ("pattern", "name", "is_covered"),
    [
        ("text/*", "text/csv", True),
        ("text/*", "textual/csv", False),
        ("text/*", "application/json", False),
        ("*/*", "application/json", True),
        ("application/json", "application/json", True),
        ("2XX", "204", True),
        ("2XX", "404", False),
        ("2XX", "2", False),
        ("200", "204", False),
        ("default", "200", False),
    ],
)
def test_a_range_covers_what_begins_like_it(pattern: str, name: str, is_covered: bool) -> None:
    assert covers(pattern, name) is is_covered


def test_items_that_share_a_key_even_through_others_are_one_group() -> None:
    groups = _Groups()
    first, second, third, other, last = (placed(answer(), answer(type=kind))[0] for kind in KINDS)
    groups.add(first, ["a"])
    groups.add(second, ["b", "c"])
    groups.add(other, ["z"])
    groups.add(third, ["a", "b"])
    groups.add(last, ["c"])
    assert {key: len(group) for key, group in groups._by_key.items()} == {"a": 4, "b": 4, "c": 4, "z": 1}


KINDS = ("string", "integer", "number", "boolean", "array")


@pytest.mark.parametrize(("before", "after"), [((True, False), (None, None)), ((None, None), (True, False))])
def test_always_present_and_perhaps_absent_differ(before: Any, after: Any) -> None:
    old, new = (
        Property("x", Shape(frozenset({"string"}), nullable=nullable), required)
        for required, nullable in (before, after)
    )
    (change,) = compare_nullability(old, new)
    assert (change.drift_class, change.movement) == ("D9", "widened" if before[0] else "narrowed")
    assert change.observed.endswith(", null or absent") is bool(before[0])
    assert change.expected.endswith(", null or absent") is not bool(before[0])
    assert change.is_certain is False
    assert list(compare_nullability(old, old)) == list(compare_nullability(new, new)) == []


def test_a_source_without_integers_has_numbers() -> None:
    exact, vague = Shape(frozenset({"integer", "null"})), Shape(frozenset({"number"}), vague=frozenset({"integer"}))
    assert comparable_types(exact, vague) == (frozenset({"number", "null"}), frozenset({"number"}))
    assert comparable_types(exact, exact) == (exact.kinds, exact.kinds)


def test_a_union_of_nulls_is_null_and_one_of_nothing_allows_nothing() -> None:
    assert found(answer(anyOf=[]), answer(anyOf=[])) == []
    assert found(answer(type="null"), answer(anyOf=[])) != []
    ways: list[Node] = [{"type": "null"}, {"const": None}, {"enum": [None]}, {"type": ["null"]}]
    ways += [{"anyOf": [{"type": "null"}, {"const": None}]}]
    for way in ways:
        assert found(answer(type="null"), answer(**way)) == found(answer(**way), answer(type="null")) == []
        assert ("D8", "widened", "/x", "high") in found(answer(**way), answer(type="string"))
        assert ("D8", "widened", "/x", "high") in found(answer(**way), answer(type=["string", "null"]))
        assert ("D8", "widened", "/x", "high") in found(answer(**way), answer())


def test_a_dynamic_reference_is_followed_to_its_anchor() -> None:
    def page(kind: str) -> Node:
        made = document(answer=record("x", x={"$dynamicRef": "#item"}))
        made["components"]["schemas"] = {"Item": {"$dynamicAnchor": "item", "type": kind}}
        return made

    assert found(page("string"), page("string")) == []
    assert {row[:3] for row in found(page("string"), page("integer"))} == {("D7", "replaced", "/x")}
