"""What an object shows: objects that show different things are worth asking for, one that shows most is asked first."""

from __future__ import annotations

from typing import Any

LONGEST_WORD = 32
"""Characters of a text that may be one of few: a state, a kind."""
_CONTAINERS = frozenset({dict, list})
EMPTIEST = 1000
"""More than is null or empty in any object."""


def fullness(item: Any) -> int:
    """Higher for an object in which less is null or empty."""
    empty = 0
    containers = [item]
    for container in containers:
        for part in container.values() if isinstance(container, dict) else container:
            if part is None:
                empty += 1
            elif type(part) in _CONTAINERS:
                containers.append(part)
                empty += part == []
    return -empty


def traits(item: Any) -> set[tuple[str, ...]]:
    """What is there in an item and of which kind: its places, with the short word they hold, or that they are null."""
    found: set[tuple[str, ...]] = set()
    _collect([item], (), found)
    return found


def _collect(container: Any, path: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    for name, part in container.items() if isinstance(container, dict) else (("*", part) for part in container):
        here = (*path, name)
        if part is None:
            found.add((*here, "= null"))
        elif type(part) in _CONTAINERS:
            _collect(part, here, found)
        else:
            found.add((*here, "=", part) if isinstance(part, str) and _is_word(part) else here)


def _is_word(text: str) -> bool:
    return len(text) <= LONGEST_WORD and text.islower() and text.replace("_", "a").isalpha()
