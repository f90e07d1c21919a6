"""The variants of two unions: which belong together, and which overlap."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.diff.model import Property, Shape
from whopwatch.diff.unions import as_one_object, overlapping, pair_variants, variants_of


def kind(*names: str, **facts: Any) -> Shape:
    return Shape(frozenset(names), **facts)


def record(required: str, optional: str = "", **fields: Shape) -> Shape:
    """An object with string fields, and `fields` that are required."""
    found = [Property(name, STRING, True) for name in required.split()]
    found += [Property(name, STRING, False) for name in optional.split()]
    found += [Property(name, shape, True) for name, shape in fields.items()]
    return kind("object", properties=tuple(found))


def constant(value: Any) -> Shape:
    return kind("string", enum=(value,))


def union(*variants: Shape, **facts: Any) -> Shape:
    return Shape(variants=variants, **facts)


def same(shape: Shape) -> Shape:
    return shape


STRING, INTEGER, NUMBER, ARRAY, OBJECT = (kind(name) for name in ("string", "integer", "number", "array", "object"))
CAT = record("name", kind=constant("cat"))
DOG = record("name", kind=constant("dog"))
SHARED = {
    "Cat": CAT,
    "Dog": DOG,
    "Pet": union(Shape(ref="Cat"), Shape(ref="Dog")),
    "A": record("a b"),
    "B": record("a b c"),
}


def resolve(shape: Shape) -> Shape:
    return shape if shape.ref is None else SHARED[shape.ref]


def test_nested_unions_are_flattened_in_order() -> None:
    nested = union(STRING, Shape(ref="Pet"), union(INTEGER, ARRAY), OBJECT)
    assert variants_of(nested, resolve) == [STRING, Shape(ref="Cat"), Shape(ref="Dog"), INTEGER, ARRAY, OBJECT]
    assert variants_of(STRING, resolve) == [STRING]


def test_a_union_of_very_many_variants_stays_as_it_is_beyond_300() -> None:
    many = tuple(constant(str(number)) for number in range(299))
    inner = union(STRING, INTEGER)
    assert variants_of(union(*many, inner, ARRAY), same) == [*many, STRING, INTEGER, ARRAY]
    assert variants_of(union(*many, STRING, inner, ARRAY), same) == [*many, STRING, inner, ARRAY]


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        # Equal variants, although others come first.
        ([STRING, INTEGER], [INTEGER, STRING], [(0, 1), (1, 0)]),
        # A constant counts more than common fields.
        (
            [record("a b c", kind=constant("cat")), record("x", kind=constant("dog"))],
            [record("a b c", kind=constant("dog")), record("y", kind=constant("cat"))],
            [(0, 1), (1, 0)],
        ),
        # Without a constant, the name counts more than common fields.
        ([Shape(ref="A")], [Shape(ref="A", nullable=True), Shape(ref="B")], [(0, 0)]),
        ([Shape(ref="A")], [Shape(ref="B"), Shape(ref="A", nullable=True)], [(0, 1)]),
        # The type; an enum is rather another enum than a plain string.
        ([STRING, constant("a")], [constant("b"), kind("string", format="uuid")], [(0, 1), (1, 0)]),
        ([STRING], [constant("a")], [(0, 0)]),
        ([STRING], [INTEGER], []),
        ([STRING], [OBJECT], []),
        ([kind("array", items=STRING)], [kind("array", items=INTEGER)], [(0, 0)]),
        ([OBJECT], [record("a")], [(0, 0)]),
        ([ARRAY], [record("a")], []),
        # Half of all fields are common, or fewer.
        ([record("a b c")], [record("a b d")], [(0, 0)]),
        ([record("a b")], [record("a c")], []),
        # The best pair first, and each variant once.
        ([record("a b c"), record("a b c d")], [record("a b c d e")], [(1, 0)]),
        ([record("a b c d e")], [record("a b c"), record("a b c d")], [(0, 1)]),
    ],
)
def test_variants_that_belong_together(old: list[Shape], new: list[Shape], pairs: list[tuple[int, int]]) -> None:
    found = pair_variants(union(*old), union(*new), resolve, resolve)
    assert sorted((old.index(one), new.index(two)) for one, two in found.pairs) == pairs
    assert found.gone == tuple(shape for index, shape in enumerate(old) if index not in [one for one, _ in pairs])
    assert found.come == tuple(shape for index, shape in enumerate(new) if index not in [two for _, two in pairs])


def test_a_tag_selects_the_constant_that_counts() -> None:
    one = record("a c", kind=constant("x"), version=constant("1"))
    two = record("b d", kind=constant("x"), version=constant("2"))
    assert pair_variants(union(one), union(two), same, same).pairs == ()
    for old, new in ((union(one, tag="kind"), union(two)), (union(one), union(two, tag="kind"))):
        assert pair_variants(old, new, same, same).pairs == ((one, two),)
    # The value of a constant may be written as another type.
    three = record("c d e", kind=kind("integer", enum=(1,)), version=constant("9"))
    four = record("f g h", kind=constant("1"), version=constant("8"))
    assert pair_variants(union(three, tag="kind"), union(four), same, same).pairs == ((three, four),)


@pytest.mark.parametrize(
    ("gone", "come", "drift_class"),
    [(STRING, INTEGER, "D8"), (STRING, record("a"), "D18"), (record("a"), STRING, "D18")],
)
def test_scalar_variants_widen_the_type(gone: Shape, come: Shape, drift_class: str) -> None:
    assert pair_variants(union(gone), union(come), same, same).drift_class == drift_class


def test_one_object_with_the_fields_of_all_variants() -> None:
    variants = union(record("a b"), record("a", "c"))
    whole = record("a", "b c")
    assert as_one_object(variants, whole, same, same) == (record("a", "b c"), whole)
    assert as_one_object(whole, variants, same, same) == (whole, record("a", "b c"))
    # 4 of 5 fields are enough, 3 of 5 are not.
    five = union(record("a b c d"), record("e"))
    assert as_one_object(five, record("a b c d"), same, same) is not None
    assert as_one_object(five, record("a b c"), same, same) is None
    assert as_one_object(record("a b c d"), five, same, same) is not None
    assert as_one_object(record("a b c"), five, same, same) is None
    # More fields than the union has do no harm.
    assert as_one_object(five, record("a b c d e f g h i"), same, same) is not None
    # Two unions, two objects, or something else than objects.
    assert as_one_object(variants, variants, same, same) is None
    assert as_one_object(whole, whole, same, same) is None
    assert as_one_object(union(record("a"), STRING), record("a"), same, same) is None


@pytest.mark.parametrize(
    ("variants", "overlap"),
    [
        ([STRING, INTEGER], False),
        ([STRING, STRING], True),
        ([INTEGER, NUMBER], True),
        ([kind("integer", "string"), kind("array", "number")], True),
        ([STRING, Shape()], True),
        ([constant("a"), constant("b")], False),
        ([constant("a"), kind("string", enum=("b", "a"))], True),
        ([constant("a"), STRING], True),
        ([CAT, DOG], False),
        ([CAT, CAT], True),
        ([CAT, record("name")], True),
        ([CAT, kind("object", properties=(Property("kind", constant("dog"), False),))], True),
        ([STRING, CAT, INTEGER, CAT], True),
        ([Shape(ref="Cat"), Shape(ref="Dog")], False),
    ],
)
def test_a_value_may_match_two_variants(variants: list[Shape], overlap: bool) -> None:
    assert overlapping(union(*variants), resolve) is overlap
