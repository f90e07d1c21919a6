"""Field values out of Nodes, so that over the objects of a world everything is met that a schema allows.

Chance would leave rare enum values out. So every field counts its own occurrences (its tick) and cycles: through the
enum, through the variants, through null and not null, through array lengths. A nested field's tick counts only the
occurrences in which its parent is there, so that nothing is hidden by the rhythm of what contains it.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from whopwatch.simulator.shape import Node
from whopwatch.simulator.values import leaf, random_text


class Reference(NamedTuple):
    """Which object of which table is meant."""

    table: str
    id: str


LENGTHS = (2, 1, 3, 0)
"""How long arrays are, in turn."""
NULL_EVERY = (4, 3, 5, 7)
"""Every how manieth value of a nullable field is null, by depth: coprime, so that depths do not hide each other."""

Pick = Callable[[str, str, int], Reference]


@dataclass(frozen=True)
class Maker:
    """Makes the values of one object. `pick(table, path, tick)` chooses what a reference points at."""

    seed: int
    table: str
    n: int
    created: int
    rng: random.Random
    pick: Pick

    def make(self, node: Node, path: str, tick: int, depth: int = 0) -> Any:
        """A value of `node`: JSON, or with a Reference in it wherever another object is shown."""
        tick += offset(self.seed, self.table, path)
        if node.nullable:
            every = NULL_EVERY[depth % len(NULL_EVERY)]
            if tick % every == 0:
                return None
            tick = occurrences(tick, every)
        return self.present(node, path, tick, depth)

    def present(self, node: Node, path: str, tick: int, depth: int) -> Any:
        """A value that is not null."""
        if node.kind in ("reference", "id"):
            return self.pick(node.resource or "", path, tick)
        if node.enum:
            return node.enum[tick % len(node.enum)]
        if node.kind == "union":
            chosen = tick % len(node.variants)
            return self.present(node.variants[chosen], f"{path}|{chosen}", tick // len(node.variants), depth)
        if node.kind == "array" and node.item:
            return self._array(node.item, path, tick, depth)
        if node.kind == "object":
            return dict(self._fields(node, path, tick, depth))
        name = path.rpartition(".")[2]
        if name == "id":
            return (node.prefix or "") + random_text("alnum", 14, self.rng)
        return leaf(node, name, self.n, self.created, self.rng)

    def _array(self, item: Node, path: str, tick: int, depth: int) -> list[Any]:
        rounds, step = divmod(tick, len(LENGTHS))
        first = rounds * sum(LENGTHS) + sum(LENGTHS[:step])
        values: list[Any] = []
        for position in range(LENGTHS[step]):
            value = self.make(item, path, first + position, depth + 1)
            if value not in values:
                values.append(value)
        return values

    def _fields(self, node: Node, path: str, tick: int, depth: int) -> Iterator[tuple[str, Any]]:
        for name in sorted(node.fields):
            yield name, self.make(node.fields[name], f"{path}.{name}", tick, depth + 1)


def occurrences(tick: int, every: int) -> int:
    """How many ticks before this one are no multiple of `every`."""
    return tick - tick // every - 1


def offset(seed: int, table: str, path: str) -> int:
    """Where in its cycle a field begins: by seed and place, the same in every process."""
    return zlib.crc32(f"{seed}:{table}:{path}".encode()) % 9973
