"""The rules for single values: types, formats, enums, bounds, defaults."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.diff.change import Change
from whopwatch.diff.model import Shape
from whopwatch.diff.words import in_words, listed

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")


def is_any(shape: Shape) -> bool:
    """Whether nothing is said of the value."""
    return not shape.kinds and not shape.variants and shape.ref is None and shape.enum is None


def is_scalar(shape: Shape) -> bool:
    """Whether it is one plain value."""
    return bool(shape.kinds) and shape.kinds <= _SCALARS


def compare_kinds(old: Shape, new: Shape) -> Iterator[Change]:
    """D7 and D8: another type, a wider or a narrower one."""
    facts = ("", in_words(old), in_words(new))
    if is_any(old) or is_any(new):
        if is_any(old) != is_any(new):
            # One generator writes any value where another knows more: the API itself may be the same.
            yield Change("D8", "narrowed" if is_any(old) else "widened", *facts, is_certain=False)
        return
    mine, other = settled_kinds(old, new)
    if mine == other:
        return
    if _covers(other, mine):
        yield Change("D8", "widened", *facts)
    elif _covers(mine, other):
        yield Change("D8", "narrowed", *facts)
    else:
        yield Change("D7", "replaced", *facts)


def compare_values(old: Shape, new: Shape, known_formats: frozenset[str] | None) -> Iterator[Change]:
    """What can move while the type stays: enum, format, id prefix, bounds, default.

    `known_formats` are those that both sources would name; None stands for all.
    """
    yield from _enums(old, new)
    if "format" not in old.vague | new.vague and "string" in old.kinds & new.kinds:
        mine, other = (_known(shape.format, known_formats) for shape in (old, new))
        if mine != other and old.enum is None and new.enum is None:
            yield Change("D12", "replaced", "", f"format {mine or 'none'}", f"format {other or 'none'}")
    if old.prefixes and new.prefixes and set(old.prefixes) != set(new.prefixes):
        yield Change("D12", "replaced", "", f"prefix {listed(old.prefixes)}", f"prefix {listed(new.prefixes)}")
    yield from _limits(old, new)
    if old.default != new.default:
        yield Change("D13", "replaced", "", f"default {_value(old)}", f"default {_value(new)}")


def _known(format: str | None, known: frozenset[str] | None) -> str | None:
    return format if known is None or format in known else None


def _value(shape: Shape) -> str:
    return listed(shape.default) if shape.default else "none"


def settled_kinds(old: Shape, new: Shape) -> tuple[frozenset[str], frozenset[str]]:
    """The kinds of both, whole numbers taken for numbers where either source cannot tell."""
    if "integer" in old.vague | new.vague:
        return _as_numbers(old.kinds), _as_numbers(new.kinds)
    return old.kinds, new.kinds


def _as_numbers(kinds: frozenset[str]) -> frozenset[str]:
    return frozenset("number" if kind == "integer" else kind for kind in kinds)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Whether every value of `narrow` is one of `wide`; every integer is a number."""
    return narrow <= (wide | {"integer"} if "number" in wide else wide)


def _enums(old: Shape, new: Shape) -> Iterator[Change]:
    if old.enum is None and new.enum is None:
        return
    if old.enum is None or new.enum is None:
        yield Change("D8", "narrowed" if old.enum is None else "widened", "", in_words(old), in_words(new))
        return
    gone = [value for value in old.enum if value not in new.enum]
    come = [value for value in new.enum if value not in old.enum]
    if gone:
        yield Change("D10", "removed", "", listed(gone), f"no longer {listed(gone)}")
    if come:
        yield Change("D10", "added", "", f"not {listed(come)}", listed(come))


def _limits(old: Shape, new: Shape) -> Iterator[Change]:
    mine, other = dict(old.limits), dict(new.limits)
    for key in sorted(mine.keys() | other.keys()):
        before, after = mine.get(key), other.get(key)
        if before != after:
            tighter = _is_tighter(key, before, after)
            facts = ("", f"{key} {_bound(before)}", f"{key} {_bound(after)}")
            yield Change("D11", "tightened" if tighter else "loosened", *facts)


def _bound(value: object) -> str:
    return "none" if value is None else str(value)


def _is_tighter(key: str, before: object, after: object) -> bool:
    """Whether fewer values pass; a pattern or a step that changed refuses something that passed before."""
    if before is None or after is None:
        return before is None
    if isinstance(before, int | float) and isinstance(after, int | float) and key in (*_UPPER, *_LOWER):
        return after < before if key in _UPPER else after > before
    return True
