"""What an object shows: objects that show different things are worth asking for, one that shows most is asked first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LONGEST_WORD = 32
"""Characters of a text that may be one of few: a state, a kind."""
EMPTIEST = 1000
"""More than is null or empty in any object."""


def fullness(item: Any) -> int:
    """Higher for an object in which less is null or empty, cheaply."""
    text = str(item)
    return -text.count("None") - text.count("[]")


def traits(item: Any) -> set[tuple[str, ...]]:
    """What is there in an item and of which kind: its places, with the short word they hold, or that they are null."""
    return set(_traits(item, ()))


def _traits(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _traits(part, (*path, name))
    elif isinstance(value, list):
        for part in value:
            yield from _traits(part, (*path, "*"))
    elif (
        isinstance(value, str) and len(value) <= LONGEST_WORD and value.replace("_", "a").isalpha() and value.islower()
    ):
        yield (*path, "=", value)
    else:
        yield (*path, "= null") if value is None else path
