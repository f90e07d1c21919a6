"""Compare the keywords of a schema at one place: types, enums, formats, limits, presence and subschemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from whopwatch.core.finding import Severity
from whopwatch.core.pointers import escape_pointer
from whopwatch.diff.change import Change, Movement
from whopwatch.diff.model import Property, Shape, describe, describe_field, list_words
from whopwatch.diff.read_schema import LIFECYCLE

_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_UPPER = ("maxLength", "maxItems", "maxProperties", "maxContains")
_LOWER = ("minLength", "minItems", "minProperties", "minContains")
_RANGES = (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1))
_WIDTHS = (("int8", "int16", "int32", "int64"), ("float", "double"))
"""Number formats from the narrowest to the widest."""
_TYPED_FORMATS = frozenset({"date", "date-time", "time", "duration", "byte", "binary"})
"""String formats that a client parses into another type: any change of them breaks it."""

_ANY_TEXT = frozenset({"", "^", ".*", "^.*", ".*$", "^.*$"})
"""Patterns that every string matches."""
_ANY = Shape(nullable=True)
_NEVER = Shape(is_never=True)
_INVERSE: dict[Movement, Movement] = {"loosened": "tightened", "tightened": "loosened"}
_CONDITION = ("if", "then", "else")


def is_scalar(shape: Shape) -> bool:
    """Return whether the shape allows only plain values."""
    return bool(shape.kinds) and shape.kinds <= _SCALARS


def compare_types(old: Shape, new: Shape) -> Iterator[Change]:
    """Yield D7 or D8: another type, a wider or a narrower one."""
    facts = ("", describe(old), describe(new))
    if old.is_never != new.is_never:
        yield Change("D8", "widened" if old.is_never else "narrowed", *facts)
        return
    if old.is_any or new.is_any:
        if old.is_any != new.is_any:
            # Not certain: one generator writes "any value" where another one knows the type.
            yield Change("D8", "narrowed" if old.is_any else "widened", *facts, is_certain=False)
        return
    mine, other = comparable_types(old, new)
    if mine == other:
        return
    if _covers(other, mine):
        yield Change("D8", "widened", *facts)
    elif _covers(mine, other):
        yield Change("D8", "narrowed", *facts)
    else:
        yield Change("D7", "replaced", *facts)


def compare_stated_type(old: Shape, new: Shape) -> Iterator[Change]:
    """Yield D8 if only one side states the type that its other keywords imply. Most documents mean the same by both."""
    if old.kinds == new.kinds and old.is_implied != new.is_implied:
        stated, implied = f"type {list_words(sorted(old.kinds))}", "no type: its other keywords imply it"
        words = (stated, implied) if new.is_implied else (implied, stated)
        movement: Movement = "widened" if new.is_implied else "narrowed"
        yield Change("D8", movement, "", *words, is_certain=False, at_most=Severity.LOW)


def comparable_types(old: Shape, new: Shape) -> tuple[frozenset[str], frozenset[str]]:
    """Return the types of both; integers count as numbers if one source cannot distinguish them."""
    if "integer" in old.vague | new.vague:
        return _as_numbers(old.kinds), _as_numbers(new.kinds)
    return old.kinds, new.kinds


def common_types(old: Shape, new: Shape) -> frozenset[str]:
    """Return the types that both allow; an integer is a number."""
    if not old.kinds or not new.kinds:
        return old.kinds | new.kinds
    numbers = {"integer", "number"}
    return old.kinds & new.kinds | (numbers if old.kinds & numbers and new.kinds & numbers else frozenset())


def compare_values(old: Shape, new: Shape, known_formats: frozenset[str] | None) -> Iterator[Change]:
    """Yield what can change while the type stays: enum, format, ID prefix, bounds, default.

    `known_formats` are the formats that both sources would state; None: all.
    """
    yield from _enums(old, new)
    yield from _formats(old, new, known_formats)
    if old.prefixes and new.prefixes and set(old.prefixes) != set(new.prefixes):
        yield Change("D12", "replaced", "", f"prefix {list_words(old.prefixes)}", f"prefix {list_words(new.prefixes)}")
    yield from _limits(old, new)
    yield from compare_default(old, new)


def compare_default(old: Shape, new: Shape) -> Iterator[Change]:
    """Yield D13: another default value."""
    if old.default != new.default:
        yield Change("D13", "replaced", "", f"default {_default(old)}", f"default {_default(new)}")


def _default(shape: Shape) -> str:
    return list_words(shape.default) if shape.default else "none"


def _as_numbers(kinds: frozenset[str]) -> frozenset[str]:
    return frozenset("number" if kind == "integer" else kind for kind in kinds)


def _covers(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Return whether every value of `narrow` is one of `wide`; every integer is a number."""
    return narrow <= (wide | {"integer"} if "number" in wide else wide)


def _enums(old: Shape, new: Shape) -> Iterator[Change]:
    if (old.enum is None) != (new.enum is None) and (old.known or new.known):
        closed, known = (old.enum, new.known) if new.enum is None else (new.enum, old.known)
        more = [value for value in known if not _contains(closed or (), value)]
        wider = f"also {list_words(more)}, and undocumented values" if more else "also undocumented values"
        facts = (describe(old), wider) if new.enum is None else (wider, describe(new))
        yield Change("D10", "added" if new.enum is None else "removed", "", *facts)
        if new.enum is None:
            left = tuple(value for value in old.enum or () if _contains(new.known, value))
            yield from _enum_values(old.enum or (), left, Severity.LOW)
    elif old.enum is not None and new.enum is not None:
        yield from _enum_values(old.enum, new.enum, None)
    elif old.enum is not None or new.enum is not None:
        yield Change("D8", "narrowed" if old.enum is None else "widened", "", describe(old), describe(new))
    else:
        # A client of an open enum has to expect other values.
        yield from _enum_values(old.known, new.known, Severity.LOW)


def _enum_values(old: tuple[Any, ...], new: tuple[Any, ...], at_most: Severity | None) -> Iterator[Change]:
    removed = [value for value in old if not _contains(new, value)]
    added = [value for value in new if not _contains(old, value)]
    if removed:
        yield Change("D10", "removed", "", list_words(removed), f"no longer {list_words(removed)}", at_most=at_most)
    if added:
        yield Change("D10", "added", "", f"not {list_words(added)}", list_words(added), at_most=at_most)


def _contains(values: tuple[Any, ...], value: Any) -> bool:
    """Return whether `value` is one of `values`; True and 1 are different values."""
    return any(one == value and isinstance(one, bool) is isinstance(value, bool) for one in values)


def _formats(old: Shape, new: Shape, known: frozenset[str] | None) -> Iterator[Change]:
    common = common_types(old, new)
    if "format" in old.vague | new.vague or (common and not common & {"string", "integer", "number"}):
        return
    mine, other = (shape.format if known is None or shape.format in known else None for shape in (old, new))
    if mine == other:
        return
    # The format of an enum adds nothing to its values.
    is_enum = "string" in common and (old.enum is not None or new.enum is not None)
    facts = (f"format {mine or 'none'}", f"format {other or 'none'}")
    yield Change("D12", _format_movement(mine, other), "", *facts, at_most=Severity.INFO if is_enum else None)


def _format_movement(old: str | None, new: str | None) -> Movement:
    if {old, new} & _TYPED_FORMATS:
        return "replaced"
    for widths in _WIDTHS:
        if old in widths and new in widths:
            return "widened" if widths.index(new) > widths.index(old) else "narrowed"
    return "tightened" if old is None else "loosened" if new is None else "replaced"


def _limits(old: Shape, new: Shape) -> Iterator[Change]:
    mine, other = dict(old.limits), dict(new.limits)
    for inclusive, exclusive, sign in _RANGES:
        before, after = (_bound(limits, inclusive, exclusive, sign) for limits in (mine, other))
        if before != after:
            is_tighter = before is None or (after is not None and after > before)
            facts = ("", _range_words(mine, inclusive, exclusive), _range_words(other, inclusive, exclusive))
            yield Change("D11", "tightened" if is_tighter else "loosened", *facts)
    ranges = {key for inclusive, exclusive, _ in _RANGES for key in (inclusive, exclusive)}
    for key in sorted((mine.keys() | other.keys()) - ranges):
        before, after = mine.get(key), other.get(key)
        if before != after:
            facts = ("", f"{key} {_or_none(before)}", f"{key} {_or_none(after)}")
            yield Change("D11", _limit_movement(key, before, after), *facts)


def _bound(limits: Mapping[str, Any], inclusive: str, exclusive: str, sign: int) -> tuple[float, bool] | None:
    """Return the effective bound as a pair that is larger the fewer values it allows."""
    found = [(sign * limits[key], key == exclusive) for key in (inclusive, exclusive) if key in limits]
    return max(found, default=None)


def _range_words(limits: Mapping[str, Any], inclusive: str, exclusive: str) -> str:
    return ", ".join(f"{key} {limits[key]}" for key in (inclusive, exclusive) if key in limits) or f"{inclusive} none"


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _limit_movement(key: str, before: Any, after: Any) -> Movement:
    if key == "minContains":  # without it, one item is enough
        before, after = (1 if value is None else value for value in (before, after))
    if key == "pattern":
        before, after = (None if value in _ANY_TEXT else value for value in (before, after))
    if before is None or after is None:
        return "tightened" if before is None else "loosened"
    if key in (*_UPPER, *_LOWER) and isinstance(before, int | float) and isinstance(after, int | float):
        return "tightened" if (after < before) is (key in _UPPER) else "loosened"
    if key == "multipleOf" and before and after:
        one, two = Decimal(str(before)), Decimal(str(after))
        return "tightened" if two % one == 0 else "loosened" if one % two == 0 else "replaced"
    # Whether one pattern allows more than another cannot be decided in general.
    return "replaced"


class ShapeRelation(Protocol):
    """Says how the allowed values of two shapes relate."""

    has_sdk: bool

    def relation(self, old: Shape, new: Shape) -> Movement | None:
        """Return how the set of allowed values changed as a whole; None if it did not."""
        ...


def compare_rules(old: Shape, new: Shape, comparer: ShapeRelation) -> Iterator[Change]:
    """Yield the changes of subschema keywords, dependent fields, content keywords and lifecycle extensions."""
    if comparer.has_sdk:
        return
    yield from compare_facts(old, new, comparer)
    yield from _dependent(old, new)
    mine, other = dict(old.rules), dict(new.rules)
    if any(mine.get(key) != other.get(key) for key in _CONDITION):
        yield from _condition(mine, other, comparer)
    for key in sorted((mine.keys() | other.keys()) - set(_CONDITION)):
        before, after = mine.get(key), other.get(key)
        if before != after:
            yield from _rule(key, before, after, old, comparer)


def _rule(key: str, before: Shape | None, after: Shape | None, old: Shape, comparer: ShapeRelation) -> Iterator[Change]:
    name, _, field = key.partition("/")
    absent = _NEVER if name == "not" else _ANY
    if name == "patternProperties" and old.is_closed:
        absent = _NEVER  # in a closed object a pattern allows fields instead of restricting them
    movement = comparer.relation(before or absent, after or absent)
    if movement is None:
        return
    if name == "not":
        movement = _INVERSE.get(movement, movement)
    label = f"{name} {field}" if field else name
    facts = (f"{label}: {_words(before)}", f"{label}: {_words(after)}")
    pointer = f"/{escape_pointer(field)}" if name == "patternProperties" else ""
    yield Change("D11", movement, pointer, *facts)


def _condition(mine: dict[str, Shape], other: dict[str, Shape], comparer: ShapeRelation) -> Iterator[Change]:
    facts = (_condition_words(mine), _condition_words(other))
    if "if" not in mine or "if" not in other:
        yield Change("D11", "tightened" if "if" not in mine else "loosened", "", *facts)
        return
    if comparer.relation(mine["if"], other["if"]) is not None:
        yield Change("D11", "replaced", "", *facts)
        return
    movements = {comparer.relation(mine.get(key, _ANY), other.get(key, _ANY)) for key in ("then", "else")} - {None}
    if movements:
        yield Change("D11", movements.pop() or "replaced" if len(movements) == 1 else "replaced", "", *facts)


def _condition_words(rules: dict[str, Shape]) -> str:
    return ", ".join(f"{key}: {describe(rules[key])}" for key in _CONDITION if key in rules) or "no condition"


def _words(shape: Shape | None) -> str:
    return describe(shape) if shape is not None else "none"


def _dependent(old: Shape, new: Shape) -> Iterator[Change]:
    mine = {(name, other) for name, others in old.dependent for other in others}
    now = {(name, other) for name, others in new.dependent for other in others}
    for name, other in sorted(now - mine):
        yield Change("D3", "tightened", f"/{escape_pointer(other)}", "optional", f"required if {name} is present")
    for name, other in sorted(mine - now):
        yield Change("D4", "loosened", f"/{escape_pointer(other)}", f"required if {name} is present", "optional")


def compare_facts(old: Shape, new: Shape, comparer: ShapeRelation) -> Iterator[Change]:
    """Yield the changes of content keywords and lifecycle extensions."""
    if comparer.has_sdk:
        return  # an SDK states none of them
    mine, other = dict(old.facts), dict(new.facts)
    for key in sorted(mine.keys() | other.keys()):
        if key == "deprecated" and mine.get(key) != other.get(key):
            before, after = (_deprecated(facts.get(key)) for facts in (mine, other))
            yield replace(deprecation(key in other), expected=before, observed=after)
        elif mine.get(key) != other.get(key):
            drift_class = "D21" if key in LIFECYCLE else "D12"
            words = (f"{key} {mine.get(key, 'none')}", f"{key} {other.get(key, 'none')}")
            yield Change(drift_class, "replaced", "", *words)


def _deprecated(text: str | None) -> str:
    return "not deprecated" if text is None else "deprecated" if text == "true" else f"deprecated: {text}"


def requiredness(old: bool, new: bool) -> Change:
    """Return D3 or D4."""
    words = {True: "required", False: "optional"}
    return Change("D3" if new else "D4", "tightened" if new else "loosened", "", words[old], words[new])


def deprecation(is_new: bool) -> Change:
    """Return D21."""
    if is_new:
        return Change("D21", "added", "", "not deprecated", "deprecated")
    return Change("D21", "removed", "", "deprecated", "not deprecated")


def compare_nullability(old: Property, new: Property) -> Iterator[Change]:
    """Yield D9 if one source states that a value is always present, and the other that it is null or absent."""
    certain, unclear = (True, False), (None, None)
    before, after = (old.required, old.shape.nullable), (new.required, new.shape.nullable)
    if before == certain and after == unclear:
        yield Change("D9", "widened", "", describe(old.shape), f"{describe(new.shape)}, null or absent", False)
    elif before == unclear and after == certain:
        yield Change("D9", "narrowed", "", f"{describe(old.shape)}, null or absent", describe(new.shape), False)


def removed(item: Property) -> Change:
    """Return D5 or D6."""
    facts = (f"/{escape_pointer(item.name)}", describe_field(item), "absent")
    is_certain = item.required is not None
    return Change("D5" if item.required else "D6", "removed", *facts, is_certain=is_certain, only=item.only)


def added(item: Property) -> Change:
    """Return D2 or D19."""
    facts = (f"/{escape_pointer(item.name)}", "absent", describe_field(item))
    is_certain = item.required is not None
    return Change("D2" if item.required else "D19", "added", *facts, is_certain=is_certain, only=item.only)
