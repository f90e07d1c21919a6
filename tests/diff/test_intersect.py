"""The intersection of two shapes: what `allOf` leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from whopwatch.diff.intersect import intersect, item_at
from whopwatch.diff.model import Direction, Property, Shape

ANY = Shape(nullable=True)
NEVER = Shape(is_never=True)


def kind(*names: str, **facts: Any) -> Shape:
    return Shape(frozenset(names), **facts)


def fields(*properties: Property, **facts: Any) -> Shape:
    return kind("object", properties=properties, **facts)


STRING, INTEGER, NUMBER, ARRAY = kind("string"), kind("integer"), kind("number"), kind("array")


class Shared:
    """Shared schemas by name, and how much was spent."""

    def __init__(self, **shapes: Shape) -> None:
        self.shapes, self.spent = shapes, 0

    def resolve(self, shape: Shape) -> Shape:
        return shape if shape.ref is None else self.shapes[shape.ref]

    def both(self, first: str, second: str) -> Shape:
        return Shape(ref=f"{first}&{second}", nullable=True)

    def spend(self, cost: int = 1) -> None:
        self.spent += cost


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (STRING, STRING, STRING),
        (STRING, ANY, STRING),
        (ANY, STRING, STRING),
        (STRING, INTEGER, NEVER),
        (STRING, NEVER, NEVER),
        (NEVER, STRING, NEVER),
        (kind("string", nullable=True), kind("integer", nullable=True), Shape(is_never=True, nullable=True)),
        (kind("string", "integer"), kind("integer", "array"), INTEGER),
        (INTEGER, NUMBER, INTEGER),
        (kind("number", "string"), INTEGER, INTEGER),
        (STRING, Shape(), STRING),
        (Shape(), STRING, STRING),
        (kind("string", nullable=True), kind("string", format="uuid", nullable=True),
         kind("string", format="uuid", nullable=True)),
        (kind("string", nullable=True), kind("string", format="uuid"), kind("string", format="uuid")),
        (kind("string", format="uuid"), STRING, kind("string", format="uuid")),
        (kind("string", format="uuid"), kind("string", format="email"),
         kind("string", format="uuid", unknown=(("format", "uuid and email"),))),
        (kind("string", enum=("a", "b", "c")), kind("string", enum=("c", "b")), kind("string", enum=("b", "c"))),
        (kind("string", enum=("a",)), STRING, kind("string", enum=("a",))),
        (STRING, kind("string", enum=("a",)), kind("string", enum=("a",))),
        (kind("string", enum=("a",)), kind("string", enum=("b",)), NEVER),
        (kind("string", known=("a", "b")), kind("string", known=("b", "c")), kind("string", known=("a", "b", "c"))),
        (kind("array", items=STRING), ARRAY, kind("array", items=STRING)),
        (ARRAY, kind("array", items=STRING), kind("array", items=STRING)),
        (kind("array", items=NUMBER), kind("array", items=INTEGER), kind("array", items=INTEGER)),
        (kind("object", values=NUMBER), kind("object", values=INTEGER), kind("object", values=INTEGER)),
        (kind("array", prefix_items=(NUMBER,), items=STRING), kind("array", prefix_items=(INTEGER, STRING)),
         kind("array", prefix_items=(INTEGER, STRING), items=STRING)),
        (kind("string", default=("a",)), kind("string", default=("b",)), kind("string", default=("b",))),
        (kind("string", default=("a",)), kind("string", facts=(("x", "1"),)),
         kind("string", default=("a",), facts=(("x", "1"),))),
        (kind("string", prefixes=("a_",)), kind("string", prefixes=("b_",)), kind("string", prefixes=("a_",))),
        (kind("string", unknown=(("a", "1"),)), kind("string", unknown=(("b", "2"),)),
         kind("string", unknown=(("a", "1"), ("b", "2")))),
        (kind("object", is_closed=True), kind("object", tag="kind"), kind("object", is_closed=True, tag="kind")),
        (kind("object", rules=(("not", STRING),)), kind("object", rules=(("not", STRING), ("if", INTEGER))),
         kind("object", rules=(("not", STRING), ("if", INTEGER)))),
        (kind("object", is_implied=True), kind("object", is_implied=True, tag="k"),
         kind("object", is_implied=True, tag="k")),
        (kind("object", is_implied=True), Shape(), kind("object", is_implied=True)),
        (kind("object", is_implied=True), kind("object"), kind("object")),
        (Shape(tag="a"), Shape(tag="b"), Shape(tag="a")),
    ],
)  # fmt: skip
def test_the_values_that_both_allow(one: Shape, two: Shape, expected: Shape) -> None:
    assert intersect(one, two, Shared()) == expected


@pytest.mark.parametrize(
    ("keyword", "one", "two", "expected"),
    [(name, 3, 5, 3) for name in ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")]
    + [(name, 3, 5, 5) for name in ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")]
    + [("pattern", "^b", "^a", "^a and ^b"), ("pattern", "^a", "^a", "^a"), ("multipleOf", 2, 2, 2)],
)
def test_the_narrower_of_two_limits(keyword: str, one: Any, two: Any, expected: Any) -> None:
    found = intersect(
        kind("string", limits=((keyword, one),)), kind("string", limits=(("a", 1), (keyword, two))), Shared()
    )
    assert found.limits == (("a", 1), (keyword, expected))


def test_a_property_is_required_if_one_side_requires_it() -> None:
    one = fields(Property("a", NUMBER, False, deprecated=True), Property("b", STRING, False))
    two = fields(Property("c", STRING, True), Property("a", INTEGER, True, only=Direction.SENT))
    expected = fields(
        Property("a", INTEGER, True, True, Direction.SENT), Property("b", STRING, False), Property("c", STRING, True)
    )
    assert intersect(one, two, Shared()) == expected
    assert intersect(one, kind("object"), Shared()) == intersect(kind("object"), one, Shared()) == one


def test_two_references_within_a_shape_are_named_and_outside_are_merged() -> None:
    shared = Shared(Number=NUMBER, Integer=INTEGER)
    one, two = Shape(ref="Number", nullable=True), Shape(ref="Integer")
    assert intersect(one, two, shared) == INTEGER
    assert intersect(one, two, shared, 1) == Shape(ref="Number&Integer")
    assert intersect(one, replace(two, nullable=True), shared, 1) == Shape(ref="Number&Integer", nullable=True)
    # Each level within a shape counts: items, first items, values, properties and variants.
    inside: tuple[Callable[[Shape], Shape], ...] = (
        lambda shape: kind("array", items=shape),
        lambda shape: kind("array", prefix_items=(shape,)),
        lambda shape: kind("object", values=shape),
        lambda shape: fields(Property("a", shape, True)),
    )
    for wrapped in inside:
        assert intersect(wrapped(one), wrapped(two), shared) == wrapped(Shape(ref="Number&Integer"))
    # A reference and another shape are merged at every depth.
    assert intersect(one, kind("integer", format="int64"), shared, 1) == kind("integer", format="int64")
    assert shared.spent % 20 == 0
    assert Shared().spent == 0


def test_every_merge_costs_as_much_as_reading_twenty_schemas() -> None:
    shared = Shared()
    intersect(kind("array", items=NUMBER), kind("array", items=INTEGER), shared)
    assert shared.spent == 40


def test_unions_are_multiplied() -> None:
    one = Shape(variants=(STRING, NUMBER), is_exclusive=True, mapping=(("a", "A"),), unknown=(("x", "1"),))
    two = Shape(variants=(INTEGER, kind("string", format="uuid")), tag="kind", unknown=(("y", "2"),))
    expected = Shape(
        variants=(kind("string", format="uuid"), INTEGER),
        is_exclusive=True,
        tag="kind",
        mapping=(("a", "A"),),
        unknown=(("x", "1"), ("y", "2")),
    )
    assert intersect(one, two, Shared()) == expected
    assert intersect(one, INTEGER, Shared()) == INTEGER
    assert intersect(kind("integer", nullable=True), replace(one, nullable=True), Shared()).nullable is True
    assert intersect(one, kind("object"), Shared()) == NEVER
    nullable = Shape(variants=(STRING, NUMBER), nullable=True)
    assert intersect(nullable, kind("object", nullable=True), Shared()) == Shape(is_never=True, nullable=True)
    assert intersect(nullable, kind("number", "string"), Shared()) == replace(nullable, nullable=False)


@pytest.mark.parametrize(("count", "is_merged"), [(50, True), (51, False)])
def test_two_large_unions_are_not_merged(count: int, is_merged: bool) -> None:
    one = Shape(variants=tuple(kind("string", enum=(str(number), "x")) for number in range(count)))
    two = Shape(variants=(STRING, INTEGER), unknown=(("y", "2"),))
    found = intersect(one, two, Shared())
    assert found.variants == one.variants
    assert [keyword for keyword, _ in found.unknown] == (["y"] if is_merged else ["y", "allOf of two large unions"])


def test_an_item_has_the_shape_of_its_place() -> None:
    shape = kind("array", prefix_items=(STRING,), items=INTEGER)
    assert [item_at(shape, 0), item_at(shape, 1)] == [STRING, INTEGER]
    assert item_at(ARRAY, 0) == ANY
