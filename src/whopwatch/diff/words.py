"""Describe shapes and lists in words. Documented values may be shown; no value here comes from a response."""

from __future__ import annotations

from collections.abc import Iterable

from whopwatch.core.errors import first_few
from whopwatch.diff.model import Property, Shape

_MAX_SHOWN = 8
_MAX_FIELDS = 3


def describe(shape: Shape) -> str:
    """Return a shape in the words of a reference: `string (date-time) or null`."""
    text = _content(shape)
    return f"{text} or null" if shape.nullable and text != "any value" else text


def describe_variant(shape: Shape) -> str:
    """Return a variant of a union in words that distinguish it: its constant, or its first fields."""
    for item in shape.properties or ():
        if item.shape.enum is not None and len(item.shape.enum) == 1:
            return f"object with {item.name} {item.shape.enum[0]}"
    if shape.properties:
        return f"object with {first_few((item.name for item in shape.properties), _MAX_FIELDS)}"
    return _content(shape)


def describe_field(item: Property) -> str:
    """Return a field in words: `required, string`."""
    need = "required" if item.required else "optional"
    return f"{need}, {describe(item.shape)}"


def list_words(values: Iterable[object]) -> str:
    """Return the first few of several values in a row."""
    return first_few(values, _MAX_SHOWN)


def _content(shape: Shape) -> str:
    if shape.ref is not None:
        return shape.ref.rpartition("/")[2]
    if shape.is_never:
        return "no value"
    if shape.variants:
        return "one of " + list_words(describe_variant(variant) for variant in shape.variants)
    if shape.enum is not None:
        return f"one of {list_words(shape.enum)}" if len(shape.enum) > 1 else f"the constant {list_words(shape.enum)}"
    if shape.items is not None and shape.kinds <= {"array"}:
        return f"array of {_content(shape.items)}"
    if not shape.kinds:
        return "any value"
    kinds = " or ".join(sorted(shape.kinds))
    return f"{kinds} ({shape.format})" if shape.format else kinds
