"""Which operation, and which event, of one promise is which of the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from whopwatch.diff.model import Api, Operation, Shape
from whopwatch.diff.renames import likeness
from whopwatch.diff.shapes import Comparer

SIMILAR = 0.6
"""The share of common fields and parameters from which on an operation is taken for one that moved elsewhere."""


@dataclass(frozen=True)
class Matches:
    """Operations of the same wire (`same`), of the same name at another path (`moved`), and the rest.

    `successors` are the new operations, by the ids of old ones, that look like the old one in another place.
    """

    same: tuple[tuple[Operation, Operation], ...]
    moved: tuple[tuple[Operation, Operation], ...]
    gone: tuple[Operation, ...]
    come: tuple[Operation, ...]
    successors: Mapping[str, Operation]


def match_operations(old: Api, new: Api) -> Matches:
    """Match by method and path, then by name, then by what is sent and answered."""
    by_wire: dict[tuple[str, str], list[Operation]] = {}
    for operation in new.operations.values():
        by_wire.setdefault(wire(operation), []).append(operation)
    same, left = [], []
    for operation in old.operations.values():
        found = sorted(by_wire.get(wire(operation), []), key=lambda other: -likeness(operation.id, other.id))
        if found:
            same.append((operation, found[0]))
            by_wire[wire(operation)].remove(found[0])
        else:
            left.append(operation)
    rest = {operation.id: operation for found in by_wire.values() for operation in found}
    moved = [(operation, rest[operation.id]) for operation in left if operation.id in rest]
    paired = {operation.id for operation, _ in moved}
    gone = [operation for operation in left if operation.id not in paired]
    come = [operation for operation in rest.values() if operation.id not in paired]
    return Matches(tuple(same), tuple(moved), tuple(gone), tuple(come), _successors(gone, come, old, new))


def wire(operation: Operation) -> tuple[str, str]:
    """What goes over the wire: the method, and the path whose parameters have no names."""
    return operation.method, re.sub(r"\{[^}]*\}", "{}", operation.path.rstrip("/"))


def match_events(old: Api, new: Api, comparer: Comparer) -> dict[str, str]:
    """Events that are gone, by name, with the new event that has a name like theirs and the same payload."""
    found: dict[str, str] = {}
    for name in sorted(old.events.keys() - new.events.keys()):
        candidates = sorted(
            new.events.keys() - old.events.keys() - set(found.values()),
            key=lambda other: (-likeness(name, other), other),
        )
        for other in candidates[:1]:
            if likeness(name, other) >= SIMILAR and comparer.are_alike(old.events[name], new.events[other]):
                found[name] = other
    return found


def _successors(gone: list[Operation], come: list[Operation], old: Api, new: Api) -> dict[str, Operation]:
    scored = sorted(
        (
            (_resemblance(before, after, old, new), before.id, after.id, after)
            for before in gone
            for after in come
            if before.method == after.method and _last(before.id) == _last(after.id)
        ),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    found: dict[str, Operation] = {}
    taken: set[str] = set()
    for score, name, other, after in scored:
        if score >= SIMILAR and name not in found and other not in taken:
            found[name] = after
            taken.add(other)
    return found


def _last(id: str) -> str:
    return id.rpartition(".")[2]


def _resemblance(before: Operation, after: Operation, old: Api, new: Api) -> float:
    """The share of names that two operations have in common in what they send and answer, from 0 to 1."""
    mine, other = _names(before, old), _names(after, new)
    return len(mine & other) / len(mine | other) if len(mine & other) > 2 else 0.0


def _names(operation: Operation, api: Api) -> set[str]:
    names = {
        f"?{parameter.name.removesuffix('[]')}" for parameter in operation.parameters if parameter.where == "query"
    }
    if operation.body is not None:
        names |= {f">{name}" for name in _fields(operation.body.shape, api)}
    for content in operation.answers.values():
        for shape in content.values():
            names |= {f"<{name}" for name in _fields(shape, api)}
    # Every list has the same envelope and the same four page parameters.
    return names - {"<page_info", "?after", "?before", "?first", "?last"}


def _fields(shape: Shape, api: Api) -> set[str]:
    """The names of an object's fields, of a list's items, and of the variants of a union."""
    shape = api.resolve(shape)
    found: set[str] = set()
    for variant in shape.variants:
        found |= _fields(variant, api)
    for item in shape.properties or ():
        inner = api.resolve(item.shape)
        is_list = item.name == "data" and inner.items is not None
        found |= _fields(inner.items, api) if is_list and inner.items is not None else {item.name}
    return found
