"""The rules for fields (present, required, deprecated, null or absent), subschema keywords and dependent fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from whopwatch.contract.operation import escape_pointer
from whopwatch.diff.change import Change, Movement
from whopwatch.diff.model import Property, Shape
from whopwatch.diff.read_schema import LIFECYCLE
from whopwatch.diff.words import describe, describe_field

_ANY = Shape(nullable=True)
_NEVER = Shape(is_never=True)
_INVERSE: dict[Movement, Movement] = {"loosened": "tightened", "tightened": "loosened"}
_CONDITION = ("if", "then", "else")


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
