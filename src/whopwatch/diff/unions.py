"""Pair the variants of two unions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from whopwatch.diff.model import Property, Shape
from whopwatch.diff.values import comparable_types, is_scalar

Resolve = Callable[[Shape], Shape]

_MAX_FLATTENED = 300
"""Variants and nested unions of one union that are flattened."""
_SIMILAR_VARIANTS = 0.5
"""Two objects with at least this share of common fields are the same variant."""
_SAME_FIELDS = 0.8
"""An object with at least this share of a union's fields describes the whole union."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The variants that belong together, and the removed and added ones with their drift class."""

    pairs: tuple[tuple[Shape, Shape], ...]
    gone: tuple[Shape, ...]
    come: tuple[Shape, ...]
    drift_class: str


def are_unions(old: Shape, new: Shape) -> bool:
    """Return whether at least one of two shapes is a union."""
    return bool(old.variants or new.variants)


def variants_of(shape: Shape, resolve: Resolve) -> list[Shape]:
    """Return the variants of a union, with nested unions flattened; of another shape, the shape itself."""
    if not shape.variants:
        return [shape]
    found: list[Shape] = []
    waiting = list(shape.variants[::-1])
    for _ in range(_MAX_FLATTENED):  # unions within unions multiply: the rest stays as it is
        if not waiting:
            return found
        variant = waiting.pop()
        inner = resolve(variant)
        if inner.variants:
            waiting += inner.variants[::-1]
        else:
            found.append(variant)
    return [*found, *waiting[::-1]]


def pair_variants(old: Shape, new: Shape, resolve_old: Resolve, resolve_new: Resolve) -> Pairing:
    """Pair the variants: equal ones first, then by constant, by name, by plain type and by fields."""
    mine, other = variants_of(old, resolve_old), variants_of(new, resolve_new)
    pairs: list[tuple[Shape, Shape]] = []
    tag = old.tag or new.tag
    rules: tuple[Callable[[Shape, Shape], float], ...] = (
        lambda one, two: float(one == two),
        lambda one, two: float(_constant(one, tag, resolve_old) == _constant(two, tag, resolve_new) is not None),
        lambda one, two: float(one.ref is not None and one.ref == two.ref),
        lambda one, two: _plain(resolve_old(one), resolve_new(two)),
        lambda one, two: _common(resolve_old(one), resolve_new(two)),
    )
    for rule in rules:
        scored = [(rule(one, two), i, j) for i, one in enumerate(mine) for j, two in enumerate(other)]
        taken: set[tuple[str, int]] = set()
        for score, i, j in sorted(scored, key=lambda item: (-item[0], item[1], item[2])):
            if score >= _SIMILAR_VARIANTS and ("old", i) not in taken and ("new", j) not in taken:
                taken |= {("old", i), ("new", j)}
                pairs.append((mine[i], other[j]))
        mine = [shape for i, shape in enumerate(mine) if ("old", i) not in taken]
        other = [shape for j, shape in enumerate(other) if ("new", j) not in taken]
    left = [*(resolve_old(shape) for shape in mine), *(resolve_new(shape) for shape in other)]
    return Pairing(tuple(pairs), tuple(mine), tuple(other), "D8" if all(map(is_scalar, left)) else "D18")


def as_one_object(old: Shape, new: Shape, resolve_old: Resolve, resolve_new: Resolve) -> tuple[Shape, Shape] | None:
    """Return both as single objects if one side has one object with the fields of all variants of the other."""
    mine = [resolve_old(shape) for shape in variants_of(old, resolve_old)]
    other = [resolve_new(shape) for shape in variants_of(new, resolve_new)]
    if (len(mine) == 1) == (len(other) == 1):
        return None
    if any(shape.properties is None for shape in [*mine, *other]):
        return None
    one, two = _merged(mine), _merged(other)
    first, second = _names(one), _names(two)
    several = first if len(mine) > 1 else second
    return (one, two) if len(first & second) >= _SAME_FIELDS * len(several) else None


def overlapping(union: Shape, resolve: Resolve) -> bool:
    """Return whether a value can match two variants of a union, as far as types and constants show."""
    variants = [resolve(variant) for variant in variants_of(union, resolve)]
    return any(
        not _are_disjoint(one, two, resolve) for place, one in enumerate(variants) for two in variants[place + 1 :]
    )


def _are_disjoint(one: Shape, two: Shape, resolve: Resolve) -> bool:
    if one.kinds and two.kinds and not one.kinds & two.kinds and not {"integer", "number"} <= one.kinds | two.kinds:
        return True
    if one.enum is not None and two.enum is not None:
        return not set(one.enum) & set(two.enum)
    mine, other = _required_constants(one, resolve), _required_constants(two, resolve)
    return any(not mine[name] & other[name] for name in mine.keys() & other.keys())


def _required_constants(shape: Shape, resolve: Resolve) -> dict[str, set[object]]:
    found = {}
    for item in shape.properties or ():
        enum = resolve(item.shape).enum
        if item.required and enum is not None:
            found[item.name] = set(enum)
    return found


def _merged(shapes: list[Shape]) -> Shape:
    """Return one object with all fields of `shapes`; a field is required if all of them require it."""
    fields: dict[str, list[Property]] = {}
    for shape in shapes:
        for item in shape.properties or ():
            fields.setdefault(item.name, []).append(item)
    merged = tuple(
        replace(items[0], required=len(items) == len(shapes) and all(item.required for item in items))
        for items in fields.values()
    )
    return replace(shapes[0], properties=merged)


def _constant(variant: Shape, tag: str | None, resolve: Resolve) -> object:
    """Return the constant that identifies a variant: of the field `tag`, or of all fields that have one."""
    found = {}
    for item in resolve(variant).properties or ():
        enum = resolve(item.shape).enum
        if enum is not None and len(enum) == 1:
            found[item.name] = str(enum[0])
    return found.get(tag) if tag is not None else tuple(sorted(found.items())) or None


def _plain(one: Shape, two: Shape) -> float:
    if one.items is not None and two.items is not None:
        return 1.0
    if not (is_scalar(one) and is_scalar(two)):
        # Nothing distinguishes objects without documented fields.
        return _SIMILAR_VARIANTS if one.kinds == two.kinds and None in (one.properties, two.properties) else 0.0
    mine, other = comparable_types(one, two)
    return (
        1.0
        if mine == other and (one.enum is None) == (two.enum is None)
        else _SIMILAR_VARIANTS
        if mine & other
        else 0.0
    )


def _common(one: Shape, two: Shape) -> float:
    """Return the share of fields that two objects have in common."""
    first, second = _names(one), _names(two)
    return len(first & second) / max(1, len(first | second)) if first and second else 0.0


def _names(shape: Shape) -> set[str]:
    return {item.name for item in shape.properties or ()}
