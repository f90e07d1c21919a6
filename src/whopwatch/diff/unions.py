"""Which variant of one union became which of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from whopwatch.diff.kinds import is_scalar, settled_kinds
from whopwatch.diff.model import Property, Shape

Resolve = Callable[[Shape], Shape]

SIMILAR = 0.5
"""The share of common fields from which on two objects are taken for the same variant."""
FLAT = 0.8
"""The share of a union's fields from which on one object stands for the whole union."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """The variants that belong together, and those that are gone or new; `drift_class` is what the latter are."""

    pairs: tuple[tuple[Shape, Shape], ...]
    gone: tuple[Shape, ...]
    come: tuple[Shape, ...]
    drift_class: str


def are_unions(old: Shape, new: Shape) -> bool:
    """Whether at least one of two shapes is a union."""
    return bool(old.variants or new.variants)


def variants_of(shape: Shape, resolve: Resolve) -> list[Shape]:
    """The variants of a union, unions among them opened; a shape that is none is its own single variant."""
    if not shape.variants:
        return [shape]
    found: list[Shape] = []
    for variant in shape.variants:
        inner = resolve(variant)
        found += variants_of(inner, resolve) if inner.variants else [variant]
    return found


def pair_variants(old: Shape, new: Shape, resolve_old: Resolve, resolve_new: Resolve) -> Pairing:
    """Pair the variants: the same ones, then by the constant that tells them, by name, by plain type, by fields."""
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
            if score >= SIMILAR and ("old", i) not in taken and ("new", j) not in taken:
                taken |= {("old", i), ("new", j)}
                pairs.append((mine[i], other[j]))
        mine = [shape for i, shape in enumerate(mine) if ("old", i) not in taken]
        other = [shape for j, shape in enumerate(other) if ("new", j) not in taken]
    left = [*(resolve_old(shape) for shape in mine), *(resolve_new(shape) for shape in other)]
    return Pairing(tuple(pairs), tuple(mine), tuple(other), "D8" if all(map(is_scalar, left)) else "D18")


def flattened(old: Shape, new: Shape, resolve_old: Resolve, resolve_new: Resolve) -> tuple[Shape, Shape] | None:
    """Both as single objects, where one side writes the variants of the other as one object of all their fields."""
    mine = [resolve_old(shape) for shape in variants_of(old, resolve_old)]
    other = [resolve_new(shape) for shape in variants_of(new, resolve_new)]
    if (len(mine) == 1) == (len(other) == 1):
        return None
    if any(shape.properties is None for shape in [*mine, *other]):
        return None
    one, two = _merged(mine), _merged(other)
    first, second = _names(one), _names(two)
    several = first if len(mine) > 1 else second
    return (one, two) if len(first & second) >= FLAT * len(several) else None


def _merged(shapes: list[Shape]) -> Shape:
    """One object that accepts what any of `shapes` does: only what all of them require is required."""
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
    """The constant by which a variant tells what it is: in `tag`, or in whatever fields have one."""
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
        # Objects whose fields nobody tells are the same as far as anybody can see.
        return SIMILAR if one.kinds == two.kinds and None in (one.properties, two.properties) else 0.0
    mine, other = settled_kinds(one, two)
    return 1.0 if mine == other and (one.enum is None) == (two.enum is None) else SIMILAR if mine & other else 0.0


def _common(one: Shape, two: Shape) -> float:
    """The share of fields that two objects have in common."""
    first, second = _names(one), _names(two)
    return len(first & second) / max(1, len(first | second)) if first and second else 0.0


def _names(shape: Shape) -> set[str]:
    return {item.name for item in shape.properties or ()}
