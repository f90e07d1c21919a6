"""Write values in a sentence."""

from __future__ import annotations

from collections.abc import Iterable


def first_few(values: Iterable[object], most: int) -> str:
    """Return `a, b, c and 4 more`: at most `most` of the values, and the number of the others."""
    texts = [str(value) for value in values]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {rest} more" if rest > 0 else "")
