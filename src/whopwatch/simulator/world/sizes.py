"""How many objects a table needs, so that every value of every enum is met somewhere in the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from whopwatch.simulator.declarations import Declarations
from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.values import LENGTHS, NULL_EVERY


class Place(NamedTuple):
    """A field with an enum, and how often it occurs for each object of its table."""

    table: str
    enum: tuple[object, ...]
    rate: Fraction

    @property
    def needed(self) -> int:
        """How many objects it takes to meet every value here."""
        return ceil(len(self.enum) / self.rate) + 1


def table_sizes(shapes: Mapping[str, FieldNode], declared: Declarations, items: int, cover: bool) -> dict[str, int]:
    """The number of objects of each table: `items`, or with `cover` as many as the enums of the world ask for."""
    sizes = dict.fromkeys(shapes, items)
    if cover:
        places: dict[tuple[object, ...], list[Place]] = {}
        for table, shape in sorted(shapes.items()):
            for place in _of_shape(table, shape, declared):
                places.setdefault(place.enum, []).append(place)
        for candidates in places.values():
            if all(place.needed > sizes[place.table] for place in candidates):
                best = min(candidates, key=lambda place: place.needed)
                sizes[best.table] = best.needed
    # The company of the key and its owner exist in the emptiest world.
    sizes["companies"] += 1
    sizes["users"] = max(sizes["users"], 1)
    return sizes


def _of_shape(table: str, shape: FieldNode, declared: Declarations) -> Iterator[Place]:
    followed = declared.follow.get(table, {})
    for variant in shape.variants or (shape,):
        for name, node in variant.fields.items():
            if name not in followed and node.kind != "reference":
                yield from _of_node(table, node, Fraction(1, len(shape.variants) or 1), 0)


def _of_node(table: str, node: FieldNode, rate: Fraction, depth: int) -> Iterator[Place]:
    if node.nullable:
        every = NULL_EVERY[depth % len(NULL_EVERY)]
        rate *= Fraction(every - 1, every)
    if node.enum and len(node.enum) > 1:
        yield Place(table, node.enum, rate)
    if node.item:
        yield from _of_node(table, node.item, rate * Fraction(sum(LENGTHS), len(LENGTHS)), depth + 1)
    for variant in node.variants:
        yield from _of_node(table, variant, rate / len(node.variants), depth)
    if node.kind == "object":
        for child in node.fields.values():
            yield from _of_node(table, child, rate, depth + 1)
