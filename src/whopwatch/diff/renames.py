"""Find fields that have a new name, in one object and API-wide."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from whopwatch.diff.change import Change, Placed, Relation
from whopwatch.diff.model import Property, Shape

REMOVED_CLASSES = frozenset({"D5", "D6", "D16"})
ADDED_CLASSES = frozenset({"D2", "D19"})
ID_SUFFIXES = ("_id", "_ids")
MIN_RENAMED_OBJECTS = 3
"""A change counts as API-wide if at least this many objects show it."""
_MIN_SHARE = 0.5
"""Share of the objects that lost the old name which have to show the new one."""
_SIMILAR_WORDS = 0.7
"""The similarity from which on two words are variants of one word, from 0 to 1."""
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COMMON_WORDS = frozenset({"id", "ids", "at", "name", "type", "status", "url", "count", "amount"})
"""Words that unrelated fields have in common."""


def mark_renamed(
    gone: Sequence[Change],
    come: Sequence[Change],
    old: Sequence[Property],
    new: Sequence[Property],
    are_alike: Callable[[Shape, Shape], bool],
) -> Iterator[Change]:
    """Yield the changes `gone` and `come`, with a relation where a removed field has a new name.

    A removed and an added field of one object are one renamed field if their shapes are alike, and if their names are
    similar or the shape is distinctive. The most similar names are paired first, and each field at most once.
    """
    scored = sorted(
        (
            (name_similarity(mine.name, other.name), first, second)
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


def name_similarity(one: str, other: str) -> float:
    """Return the similarity of two names from 0 to 1, by their letters and by their words."""
    first, second = _words(one), _words(other)
    shared = len(first & second) / max(1, len(first | second))
    return max(shared, SequenceMatcher(None, one.lower(), other.lower()).ratio())


def _is_evidence(old: Property, new: Property, is_alone: bool) -> bool:
    if old.required != new.required or old.name == new.name:
        return False
    shape = old.shape
    is_distinctive = len(shape.properties or ()) > 2 or len(shape.enum or ()) > 1 or shape.ref is not None
    if is_distinctive and is_alone:
        return True
    first, second = _words(old.name), _words(new.name)
    only_first, only_second = " ".join(sorted(first - second)), " ".join(sorted(second - first))
    if (first & second) - _COMMON_WORDS and (is_alone or not only_first or not only_second):
        return True
    return SequenceMatcher(None, only_first, only_second).ratio() >= _SIMILAR_WORDS


def _words(name: str) -> set[str]:
    return set(re.split(r"[_./{}-]+", _WORD_START.sub("_", name).lower())) - {""}


def _marked(change: Change, other: str) -> Change:
    return replace(change, relation=Relation("renamed", other))


def mark_moved(found: Iterable[Placed]) -> Iterator[Placed]:
    """Yield `found`, with a relation where a field moved between two objects of one request or response.

    A field moved if, in one operation and direction, exactly one field with its name and description was removed and
    exactly one was added, and neither was renamed.
    """
    items = list(found)
    gone: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    come: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    for item in items:
        change = item.change
        name = name_of(item.location)
        if change.relation is None and name:
            if change.drift_class in REMOVED_CLASSES and change.movement == "removed":
                gone[item.operation, item.direction, name, change.expected].append(item)
            elif change.drift_class in ADDED_CLASSES:
                come[item.operation, item.direction, name, change.observed].append(item)
    to: dict[Placed, Placed] = {}
    for key, left in gone.items():
        arrived = come.get(key, [])
        if len(left) == len(arrived) == 1:
            to[left[0]], to[arrived[0]] = arrived[0], left[0]
    for item in items:
        other = to.get(item)
        relation = None if other is None else Relation("moved", other.location)
        yield item if relation is None else replace(item, change=replace(item.change, relation=relation))


def name_of(location: str) -> str:
    """Return the name of a field or parameter by its location; an empty string for another location."""
    if location.startswith(("param:", "header:")):
        return location.partition(":")[2]
    return location.rpartition("/")[2] if "/" in location else ""


def singular(name: str) -> str:
    """Return the singular of a resource name."""
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")


def object_of(item: Placed) -> Hashable:
    """Return the object that a field belongs to; a shared schema is one object wherever it is used."""
    if item.schema:
        return item.schema, item.within.rpartition("/")[0]
    is_parameter = item.location.startswith(("param:", "header:"))
    return item.operation, item.direction, "parameters" if is_parameter else item.location.rpartition("/")[0]


def api_wide_renames(changes: Sequence[Placed]) -> dict[str, str]:
    """Return the new name of each field that has another name in the whole API."""
    removed, added = by_object(changes, REMOVED_CLASSES), by_object(changes, ADDED_CLASSES)
    support: Counter[tuple[str, str]] = Counter()
    losses: Counter[str] = Counter()
    for owner, gone in removed.items():
        losses.update(gone.keys())
        arrived = added.get(owner, {})
        support.update(
            (name, other)
            for name, item in gone.items()
            for other in arrived
            if _is_candidate(name, item.change, other, arrived[other].change)
        )
    chosen: dict[str, str] = {}
    for (name, other), count in sorted(support.items(), key=lambda one: (-one[1], -name_similarity(*one[0]), one[0])):
        if count >= MIN_RENAMED_OBJECTS and count >= _MIN_SHARE * losses[name]:
            chosen.setdefault(name, other)
    return chosen


def renamed_words(renames: Mapping[str, str]) -> dict[str, str]:
    """Return the words that API-wide renames replace: company → account, if company_id became account_id."""
    words = {}
    for name, other in renames.items():
        old, new = name.split("_"), other.split("_")
        different = [(one, two) for one, two in zip(old, new, strict=False) if one != two]
        if len(old) == len(new) and len(different) == 1:
            words[different[0][0]] = different[0][1]
    return words


def rename_words(name: str, words: Mapping[str, str]) -> str:
    """Return a name with its words replaced."""
    return "_".join(words.get(word, word) for word in name.split("_"))


def by_object(changes: Iterable[Placed], classes: frozenset[str]) -> dict[Hashable, dict[str, Placed]]:
    """Return the removed or added fields by the object they belong to, and by name."""
    found: dict[Hashable, dict[str, Placed]] = defaultdict(dict)
    for item in changes:
        name = name_of(item.location)
        if name and item.change.drift_class in classes and item.change.movement in ("removed", "added"):
            found[object_of(item)].setdefault(name, item)
    return found


def _is_candidate(name: str, gone: Change, other: str, come: Change) -> bool:
    """Return whether an added field can be the removed one: an ID of the removed object, or of the same type."""
    if other in (f"{name}{suffix}" for suffix in ID_SUFFIXES):
        return True
    old, new = (text.partition(", ")[2].removesuffix(" or null") for text in (gone.expected, come.observed))
    return old == new and _last_word(name) == _last_word(other)


def _last_word(name: str) -> str:
    """Return the last word of a name of several words: `id` of `company_id`."""
    return name.rpartition("_")[2] if "_" in name else ""
