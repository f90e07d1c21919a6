"""Group the changes of a comparison by their cause, so that one decision of the API's authors is reported once.

A cause is a rename of a field in the whole API, objects that were replaced by their IDs, a value that changed in the
same way in many fields, a moved resource, a renamed field of one object, or a change in one object, wherever it occurs:
in a shared schema, in the list and in the single object of a resource, in a webhook.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Placed
from whopwatch.diff.renames import (
    ADDED_CLASSES,
    ID_SUFFIXES,
    MIN_RENAMED_OBJECTS,
    REMOVED_CLASSES,
    api_wide_renames,
    by_object,
    name_of,
    object_of,
    rename_words,
    renamed_words,
    singular,
)

_VALUES = frozenset({"D7", "D10", "D11", "D12", "D13", "D14", "D15", "D16", "D18", "D20", "D22"})
"""Classes of which the same change in many places is one decision."""
_SINGLE = "change"
_RENAMED = "renamed"
_WIDE_RENAME = "api-wide-rename"
_TO_ID = "object-to-id"
_SAME_CHANGE = "same-change"
_MOVED = "moved-resource"


@dataclass(frozen=True)
class Cause:
    """Changes with one cause. `kind` says which one; `subject` names what changed if it is API-wide: `a → b`."""

    kind: str
    items: tuple[Placed, ...]
    subject: str = ""

    @cached_property
    def head(self) -> Placed:
        """The change that harms a client most; in a shared schema, if there is one."""
        return min(self.items, key=lambda item: (item.change.severity(item.direction).rank, item.schema is None))

    @property
    def severity(self) -> Severity:
        """The severity of the most harmful change."""
        return self.head.change.severity(self.head.direction)

    @property
    def is_wide(self) -> bool:
        """Whether the cause concerns the whole API."""
        return self.kind not in (_SINGLE, _RENAMED)


def find_causes(changes: Sequence[Placed]) -> list[Cause]:
    """Return the causes of all changes, in the order in which they first occur."""
    renames = api_wide_renames(changes)
    wide = {**_same_changes(changes), **_renamed_fields(changes, renames), **_moved_resources(changes)}
    partners = _partners(changes)
    groups = _Groups()
    for item in changes:
        if item in wide:
            groups.add(item, [("wide", wide[item])])
        elif item in partners:
            groups.add(item, [partners[item]])
        else:
            groups.add(item, _own_keys(item))
    causes = []
    for items in groups.groups():
        first = items[0]
        kind, subject = wide.get(first, (_RENAMED if first in partners else _SINGLE, ""))
        causes.append(Cause(kind, tuple(items), subject))
    return causes


class _Groups:
    """Sets of items that share a key, directly or through other items."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, list[Placed]] = {}

    def add(self, item: Placed, keys: Iterable[Hashable]) -> None:
        """Add an item, and join the groups of its keys."""
        known = list(keys)
        joined: list[Placed] = []
        for key in known:
            found = self._by_key.get(key)
            if found is not None and found is not joined:
                if joined:
                    joined += found
                    self._by_key.update((other, joined) for other, group in self._by_key.items() if group is found)
                else:
                    joined = found
        joined.append(item)
        self._by_key.update((key, joined) for key in known)

    def groups(self) -> list[list[Placed]]:
        """Return each group once, in the order of its first item."""
        return list({id(group): group for group in self._by_key.values()}.values())


def _own_keys(item: Placed) -> list[Hashable]:
    """Return what identifies a change: the same one in a shared schema, or in one resource, is one change."""
    change = item.change
    what = (item.direction, change.drift_class, change.movement, change.expected, change.observed)
    if item.schema:
        keys: list[Hashable] = [(item.schema, item.within, *what)]
    else:
        keys = [(item.operation, item.location, *what, change.relation)]
    relative = _relative(item)
    if relative is not None:
        keys.append((_resource(item.operation), relative, *what, change.relation))
    return keys


def _resource(operation: str) -> str:
    return singular(operation.removeprefix("webhook:").partition(".")[0])


def _relative(item: Placed) -> str | None:
    """Return the location of a field within the object of its resource; None for other locations."""
    location = item.location
    if not location.startswith(("/", "body:/")):
        return None
    for envelope in ("/data/*/", "/data/"):
        if location.startswith(envelope):
            return location[len(envelope) - 1 :]
    return location


def _partners(changes: Sequence[Placed]) -> dict[Placed, Hashable]:
    """Map the removal and the addition of one renamed or moved thing to one key."""
    found: dict[Placed, Hashable] = {}
    for item in changes:
        relation = item.change.relation
        if relation is None or item.change.drift_class not in REMOVED_CLASSES | ADDED_CLASSES | {"D1"}:
            continue
        is_removal = item.change.movement == "removed"
        if item.change.drift_class == "D1" or item.location in ("path", "event"):
            pair = (item.operation, relation.other) if is_removal else (relation.other, item.operation)
            found[item] = ("operation", pair)
            continue
        here = name_of(item.within or item.location)
        pair = (here, name_of(relation.other)) if is_removal else (name_of(relation.other), here)
        owner = (item.operation, item.direction) if relation.kind == "moved" else (object_of(item), item.direction)
        found[item] = ("field", owner, pair)
    return found


def _renamed_fields(changes: Sequence[Placed], renames: Mapping[str, str]) -> dict[Placed, tuple[str, str]]:
    """Map removed and added fields to the rename that they are part of."""
    added = by_object(changes, ADDED_CLASSES)
    words = renamed_words(renames)
    subjects: dict[Hashable, tuple[str, str]] = {}
    for owner, gone in by_object(changes, REMOVED_CLASSES).items():
        for name in gone:
            other = _successor(name, renames, words, added.get(owner, {}))
            if other is not None:
                subjects[owner, name] = subjects[owner, other] = _rename_subject(name, other)
    return {
        item: subjects[object_of(item), name_of(item.location)]
        for item in changes
        if item.change.drift_class in ADDED_CLASSES | REMOVED_CLASSES
        and (object_of(item), name_of(item.location)) in subjects
    }


def _successor(
    name: str, renames: Mapping[str, str], words: Mapping[str, str], added: Mapping[str, Placed]
) -> str | None:
    """Return the added field of the same object that a removed field became by an API-wide rename."""
    renamed = rename_words(name, words)
    candidates = [renames.get(name), *([renamed] if renamed != name else [])]
    is_to_id = any(other in (f"{one}{suffix}" for suffix in ID_SUFFIXES) for one, other in renames.items())
    if is_to_id:
        candidates += [f"{one}{suffix}" for one in (name, renamed) for suffix in ID_SUFFIXES]
    return next((other for other in candidates if other in added), None)


def _rename_subject(name: str, other: str) -> tuple[str, str]:
    if other.endswith(ID_SUFFIXES) and not name.endswith(ID_SUFFIXES):
        return _TO_ID, "object → object_id"
    return _WIDE_RENAME, f"{name} → {other}"


def _same_changes(changes: Sequence[Placed]) -> dict[Placed, tuple[str, str]]:
    """Map a change of a value to the same change in many fields: number → Money, an enum that lost a value."""
    fields: dict[Hashable, set[Hashable]] = defaultdict(set)
    for item in changes:
        if item.change.drift_class in _VALUES:
            fields[_facts(item)].add((object_of(item), name_of(item.location)))
    wide = {facts for facts, places in fields.items() if len(places) >= MIN_RENAMED_OBJECTS}
    return {
        item: (_SAME_CHANGE, " → ".join(_facts(item)))
        for item in changes
        if item.change.drift_class in _VALUES and _facts(item) in wide
    }


def _facts(item: Placed) -> tuple[str, str, str, str]:
    change = item.change
    before, after = change.expected.removesuffix(" or null"), change.observed.removesuffix(" or null")
    return before, after, change.drift_class, change.movement


def _moved_resources(changes: Sequence[Placed]) -> dict[Placed, tuple[str, str]]:
    """Map moved operations to the move of their resource, if several operations moved with it: companies → accounts."""
    moves: dict[tuple[str, str], list[Placed]] = defaultdict(list)
    for item in changes:
        relation = item.change.relation
        if relation is None or relation.kind != "moved" or item.location != "path" or "." not in relation.other:
            continue
        names = (item.operation, relation.other)
        old, new = names if item.change.movement == "removed" else names[::-1]
        moves[old.rpartition(".")[0], new.rpartition(".")[0]].append(item)
    return {
        item: (_MOVED, f"{old} → {new}")
        for (old, new), items in moves.items()
        if old != new and sum(item.change.movement == "removed" for item in items) > 1
        for item in items
    }
