"""Decide how many objects each table gets, so that every value of every enum occurs somewhere in the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from whopwatch.simulator.world.nodes import FieldNode
from whopwatch.simulator.world.values import LENGTHS, NULL_EVERY

MAX_SIZE = 400
"""The largest table. Some enums (countries, time zones) have more values than a world needs objects."""


class EnumField(NamedTuple):
    """A field with an enum, and how often it occurs per object of its table."""

    table: str
    enum: tuple[object, ...]
    rate: Fraction

    @property
    def needed(self) -> int:
        """The number of objects until every value has occurred here."""
        return ceil(len(self.enum) / self.rate) + 1


def table_sizes(
    shapes: Mapping[str, FieldNode], follow: Mapping[str, Mapping[str, str]], account: str, items: int, cover: bool
) -> dict[str, int]:
    """Return the number of objects of each table: `items`, with `cover` more where enums need them.

    `follow` holds the derived fields by table; `account` is the table of the key's account.
    """
    sizes = dict.fromkeys(shapes, items)
    if cover:
        fields: dict[tuple[object, ...], list[EnumField]] = {}
        for table, shape in sorted(shapes.items()):
            for field in _of_shape(table, shape, follow.get(table, {})):
                fields.setdefault(field.enum, []).append(field)
        for candidates in fields.values():
            if all(field.needed > sizes[field.table] for field in candidates):
                best = min(candidates, key=lambda field: field.needed)
                sizes[best.table] = min(best.needed, MAX_SIZE)
    # Even an empty world has the account of the key, and what the account has to refer to.
    sizes[account] += 1
    for shape in shapes[account].alternatives:
        for node in shape.fields.values():
            if node.kind in ("reference", "id") and not node.nullable and node.resource in sizes:
                sizes[node.resource] = max(sizes[node.resource], 1)
    return sizes


def _of_shape(table: str, shape: FieldNode, followed: Mapping[str, str]) -> Iterator[EnumField]:
    for variant in shape.alternatives:
        for name, node in variant.fields.items():
            if name not in followed and node.kind != "reference":
                yield from _of_node(table, node, Fraction(1, len(shape.alternatives)), 0)


def _of_node(table: str, node: FieldNode, rate: Fraction, depth: int) -> Iterator[EnumField]:
    if node.nullable:
        every = NULL_EVERY[depth % len(NULL_EVERY)]
        rate *= Fraction(every - 1, every)
    if node.enum and len(node.enum) > 1:
        yield EnumField(table, node.enum, rate)
    if node.item:
        yield from _of_node(table, node.item, rate * Fraction(sum(LENGTHS), len(LENGTHS)), depth + 1)
    for variant in node.variants:
        yield from _of_node(table, variant, rate / len(node.variants), depth)
    if node.kind == "object":
        for child in node.fields.values():
            yield from _of_node(table, child, rate, depth + 1)
