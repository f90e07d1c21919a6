"""Which fields an object shows, so that planning requests objects that differ, the fullest one first."""

from __future__ import annotations

from typing import Any

MAX_WORD_LENGTH = 32
"""Characters of a string that may be an enum value: a state, a kind."""
_CONTAINERS = frozenset({dict, list})
MOST_EMPTY = 1000
"""More empty fields than any object has."""


def fullness(item: Any) -> int:
    """Return minus the number of null and empty-array fields in `item`, nested ones included: higher is fuller."""
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


def features(item: Any) -> set[tuple[str, ...]]:
    """Return what `item` shows: the path of each field, with `= null` or the word if it holds null or a short word."""
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
    return len(text) <= MAX_WORD_LENGTH and text.islower() and text.replace("_", "a").isalpha()
