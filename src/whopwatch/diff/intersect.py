"""Intersect two shapes: the values that both allow. `allOf`, and keywords beside a reference or union, need it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from whopwatch.diff.model import Property, Shape
from whopwatch.diff.nodes import canonical

_COST = 20
"""Schemas that are read in the time in which two are merged."""
_MAX_VARIANTS = 100
"""Combinations of the variants of two unions; beyond that the intersection is recorded as unknown."""
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")


class SharedSchemas(Protocol):
    """Resolves references, and names the intersection of two shared schemas."""

    def resolve(self, shape: Shape) -> Shape:
        """Return the shape itself, or the shared one that it refers to."""
        ...

    def both(self, first: str, second: str) -> Shape:
        """Return a reference to the intersection of two shared schemas."""
        ...

    def spend(self, cost: int = 1) -> None:
        """Count `cost` schemas. Raise ContractError if there were too many."""
        ...


def intersect(one: Shape, two: Shape, shared: SharedSchemas, depth: int = 0) -> Shape:
    """Return the shape of the values that `one` and `two` both allow."""
    shared.spend(_COST)
    if one == two or two == _ANY:
        return one
    if one == _ANY:
        return two
    if one.ref is not None and two.ref is not None and depth:
        # Named instead of merged here: two schemas that contain themselves have no finite intersection.
        return replace(shared.both(one.ref, two.ref), nullable=bool(one.nullable and two.nullable))
    one, two = shared.resolve(one), shared.resolve(two)
    if one.is_never or two.is_never:
        return Shape(is_never=True)
    if one.variants or two.variants:
        return _with_variants(one, two, shared, depth)
    kinds = _kinds(one.kinds, two.kinds)
    enum = _enum(one, two)
    if kinds is None or enum == ():
        return Shape(is_never=True, nullable=bool(one.nullable and two.nullable))
    format = one.format or two.format
    unknown = (*one.unknown, *two.unknown)
    if one.format and two.format and one.format != two.format:
        unknown = (*unknown, ("format", f"{one.format} and {two.format}"))
    return Shape(
        kinds=kinds,
        nullable=bool(one.nullable and two.nullable),
        format=format,
        enum=enum,
        known=tuple(dict.fromkeys((*one.known, *two.known))),
        items=_maybe(one.items, two.items, shared, depth),
        prefix_items=_prefix_items(one, two, shared, depth),
        properties=_properties(one, two, shared, depth),
        values=_maybe(one.values, two.values, shared, depth),
        is_closed=one.is_closed or two.is_closed,
        limits=_limits(one, two),
        default=two.default or one.default,
        prefixes=one.prefixes or two.prefixes,
        facts=_merged(one.facts, two.facts),
        rules=_merged(one.rules, two.rules),
        dependent=_merged(one.dependent, two.dependent),
        tag=one.tag or two.tag,
        mapping=_merged(one.mapping, two.mapping),
        unknown=unknown,
        is_implied=bool(kinds) and all(shape.is_implied or not shape.kinds for shape in (one, two)),
    )


def _merged(one: tuple[Any, ...], two: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys((*one, *two)))


_ANY = Shape(nullable=True)


def _kinds(one: frozenset[str], two: frozenset[str]) -> frozenset[str] | None:
    """Return the types that both allow; None if there is none."""
    if not one or not two:
        return one | two
    both = one & two
    if "integer" in one ^ two and "number" in one ^ two:
        both |= {"integer"}
    return both or None


def _enum(one: Shape, two: Shape) -> tuple[Any, ...] | None:
    if one.enum is None or two.enum is None:
        return one.enum if two.enum is None else two.enum
    return tuple(value for value in one.enum if value in two.enum)


def _maybe(one: Shape | None, two: Shape | None, shared: SharedSchemas, depth: int) -> Shape | None:
    return intersect(one, two, shared, depth + 1) if one is not None and two is not None else one or two


def _prefix_items(one: Shape, two: Shape, shared: SharedSchemas, depth: int) -> tuple[Shape, ...]:
    count = max(len(one.prefix_items), len(two.prefix_items))
    return tuple(intersect(item_at(one, n), item_at(two, n), shared, depth + 1) for n in range(count))


def item_at(shape: Shape, place: int) -> Shape:
    """Return the shape of the item at an index of an array."""
    if place < len(shape.prefix_items):
        return shape.prefix_items[place]
    return shape.items if shape.items is not None else _ANY


def _properties(one: Shape, two: Shape, shared: SharedSchemas, depth: int) -> tuple[Property, ...] | None:
    if one.properties is None or two.properties is None:
        return one.properties if two.properties is None else two.properties
    merged = {item.name: item for item in one.properties}
    for item in two.properties:
        mine = merged.get(item.name)
        merged[item.name] = item if mine is None else _property(mine, item, shared, depth)
    return tuple(merged.values())


def _property(one: Property, two: Property, shared: SharedSchemas, depth: int) -> Property:
    return Property(
        one.name,
        intersect(one.shape, two.shape, shared, depth + 1),
        bool(one.required or two.required),
        one.deprecated or two.deprecated,
        one.only or two.only,
    )


def _limits(one: Shape, two: Shape) -> tuple[tuple[str, Any], ...]:
    limits = dict(one.limits)
    for key, value in two.limits:
        mine = limits.get(key)
        if mine is None or mine == value:
            limits[key] = value
        elif key in _UPPER:
            limits[key] = min(mine, value)
        elif key in _LOWER:
            limits[key] = max(mine, value)
        else:
            limits[key] = " and ".join(sorted({str(mine), str(value)}))
    return tuple(sorted(limits.items()))


def _with_variants(one: Shape, two: Shape, shared: SharedSchemas, depth: int) -> Shape:
    """Return a union of the intersections of each variant of one shape with each variant of the other."""
    mine, other = one.variants or (one,), two.variants or (two,)
    union = one if one.variants else two
    if len(mine) * len(other) > _MAX_VARIANTS:
        note = ("allOf of two large unions", canonical(repr((one, two))))
        return replace(union, unknown=(*one.unknown, *two.unknown, note))
    both = [intersect(first, second, shared, depth + 1) for first in mine for second in other]
    variants = tuple(dict.fromkeys(shape for shape in both if not shape.is_never))
    nullable = bool(one.nullable and two.nullable)
    if len(variants) < 2:
        return replace(variants[0], nullable=nullable) if variants else Shape(is_never=True, nullable=nullable)
    return Shape(
        variants=variants,
        nullable=nullable,
        is_exclusive=union.is_exclusive,
        tag=one.tag or two.tag,
        mapping=union.mapping,
        unknown=(*one.unknown, *two.unknown),
    )
