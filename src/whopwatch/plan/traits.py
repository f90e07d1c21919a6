"""What an object shows: objects that show different things are worth asking for, one that shows most is asked first."""

from __future__ import annotations

from typing import Any

LONGEST_WORD = 32
"""Characters of a text that may be one of few: a state, a kind."""
EMPTIEST = 1000
"""More than is null or empty in any object."""


def fullness(item: Any) -> int:
    """Higher for an object in which less is null or empty."""
    empty = 0
    containers = [item]
    for container in containers:
        for part in container.values() if isinstance(container, dict) else container:
            if part is None or part == []:
                empty += 1
            elif isinstance(part, (dict, list)):
                containers.append(part)
    return -empty


def traits(item: Any) -> set[tuple[str, ...]]:
    """What is there in an item and of which kind: its places, with the short word they hold, or that they are null."""
    found: set[tuple[str, ...]] = set()
    _collect(item, (), found)
    return found


def _collect(value: Any, path: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _collect(part, (*path, name), found)
    elif isinstance(value, list):
        for part in value:
            _collect(part, (*path, "*"), found)
    elif isinstance(value, str) and _is_word(value):
        found.add((*path, "=", value))
    else:
        found.add((*path, "= null") if value is None else path)


def _is_word(text: str) -> bool:
    return len(text) <= LONGEST_WORD and text.islower() and text.replace("_", "a").isalpha()
