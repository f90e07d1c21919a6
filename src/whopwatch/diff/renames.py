"""What disappeared under one name and appeared under another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from whopwatch.diff.change import Change, Relation
from whopwatch.diff.model import Property, Shape

SIMILAR = 0.7
"""How alike two words are that a person would take for one, from 0 to 1."""
COMMON = frozenset({"id", "ids", "at", "name", "type", "status", "url", "count", "amount"})
"""Words that fields share by chance."""


def renamed(
    gone: Sequence[Change],
    come: Sequence[Change],
    old: Sequence[Property],
    new: Sequence[Property],
    are_alike: Callable[[Shape, Shape], bool],
) -> Iterator[Change]:
    """The changes `gone` and `come`, those that belong together marked so.

    Two fields of one object are one that was renamed if their shapes are alike and either their names are, or the
    shape is one that does not occur by chance. Each is paired at most once, the most alike first.
    """
    scored = sorted(
        (
            (likeness(mine.name, other.name), first, second)
            for first, mine in enumerate(old)
            for second, other in enumerate(new)
            if _is_evidence(mine, other, len(old) == len(new) == 1) and are_alike(mine.shape, other.shape)
        ),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    to: dict[int, int] = {}
    for _, first, second in scored:
        if first not in to and second not in to.values():
            to[first] = second
    back = {second: first for first, second in to.items()}
    for index, change in enumerate(gone):
        yield _marked(change, come[to[index]].pointer) if index in to else change
    for index, change in enumerate(come):
        yield _marked(change, gone[back[index]].pointer) if index in back else change


def likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1: by their letters, and by the words they are made of."""
    first, second = _words(one), _words(other)
    shared = len(first & second) / max(1, len(first | second))
    return max(shared, SequenceMatcher(None, one.lower(), other.lower()).ratio())


def _is_evidence(old: Property, new: Property, is_alone: bool) -> bool:
    if old.required != new.required:
        return False
    shape = old.shape
    is_telling = len(shape.properties or ()) > 2 or len(shape.enum or ()) > 1 or shape.ref is not None
    if is_telling and is_alone:
        return True
    first, second = _words(old.name), _words(new.name)
    only_first, only_second = " ".join(sorted(first - second)), " ".join(sorted(second - first))
    if (first & second) - COMMON and (is_alone or not only_first or not only_second):
        return True
    return SequenceMatcher(None, only_first, only_second).ratio() >= SIMILAR


def _words(name: str) -> set[str]:
    return set(re.split(r"[_./{}-]+", name.lower())) - {""}


def _marked(change: Change, other: str) -> Change:
    return replace(change, relation=Relation("renamed", other))
