"""Fields that left one object for another within the same answer or body."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from whopwatch.diff.change import Relation

if TYPE_CHECKING:
    from whopwatch.diff.compare import Placed


def moved_fields(found: Iterable[Placed]) -> Iterator[Placed]:
    """`found`, fields that moved marked so.

    A field moved where, in the same operation and on the same side, exactly one of its name and its description is
    gone and exactly one has come, and neither was renamed.
    """
    items = list(found)
    gone: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    come: dict[tuple[str, ...], list[Placed]] = defaultdict(list)
    for item in items:
        change = item.change
        if change.relation is None and "/" in item.location:
            name = item.location.rpartition("/")[2]
            if change.drift_class in {"D5", "D6"}:
                gone[item.operation, item.side, name, change.expected].append(item)
            elif change.drift_class in {"D2", "D19"}:
                come[item.operation, item.side, name, change.observed].append(item)
    to: dict[Placed, Placed] = {}
    for key, left in gone.items():
        arrived = come.get(key, [])
        if len(left) == len(arrived) == 1:
            to[left[0]], to[arrived[0]] = arrived[0], left[0]
    for item in items:
        other = to.get(item)
        yield item if other is None else _marked(item, other.location)


def _marked(item: Placed, other: str) -> Placed:
    return replace(item, change=replace(item.change, relation=Relation("moved", other)))
