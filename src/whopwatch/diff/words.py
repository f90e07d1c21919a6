"""Shapes and lists in words. What is documented may be shown; nothing here ever comes from a response."""

from __future__ import annotations

from collections.abc import Iterable

from whopwatch.diff.model import Shape

_SHOWN = 8


def in_words(shape: Shape) -> str:
    """A shape as a reader of documentation would call it."""
    text = _content(shape)
    return f"{text} or null" if shape.nullable and text != "any value" else text


def variant_in_words(shape: Shape) -> str:
    """A variant of a union, told apart from the others by its constants or its fields."""
    for item in shape.properties or ():
        if item.shape.enum is not None and len(item.shape.enum) == 1:
            return f"object of {item.name} {item.shape.enum[0]}"
    if shape.properties:
        return f"object with {', '.join(item.name for item in shape.properties[:3])}"
    return _content(shape)


def listed(values: Iterable[object]) -> str:
    """Values in a row, the first few of many."""
    texts = [str(value) for value in values]
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _content(shape: Shape) -> str:
    if shape.ref is not None:
        return shape.ref
    if shape.variants:
        return "one of " + listed(variant_in_words(variant) for variant in shape.variants)
    if shape.enum is not None:
        return f"one of {listed(shape.enum)}" if len(shape.enum) > 1 else f"the constant {listed(shape.enum)}"
    if shape.items is not None:
        return f"array of {_content(shape.items)}"
    if not shape.kinds:
        return "any value"
    kinds = " or ".join(sorted(shape.kinds))
    return f"{kinds} ({shape.format})" if shape.format else kinds
