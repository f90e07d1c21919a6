"""Generate field values, so that the objects of a world together show everything that their schemas allow.

Random choice would miss rare enum values. So every field counts its own occurrences (its tick) and cycles through the
enum, the variants, null and not null, and the array lengths. A nested field counts only the occurrences in which its
parent is present, so that the rhythm of the parent hides nothing. For the same reason, table sizes follow from enums.

What a string or number looks like follows from the name of its field, as `values.toml` declares.
"""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Any, NamedTuple

from whopwatch.core.documents import packaged_toml
from whopwatch.simulator.world.nodes import FieldNode

ALPHABETS = {
    "hex": "0123456789abcdef",
    "digits": "0123456789",
    "alnum": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
}
DAY_MS = 86_400_000
_LATER = re.compile(
    r"expires?_at|due_date|renewal_period_end|estimated_availability|delivery_estimate|needs_response_by"
)
_TIME_NAME = re.compile(r"\w+_at|\w+_(?:since|until)|timestamp")
"""Names of times, for a contract that does not say that a string is one."""
_SLOT = re.compile(r"\{(\w+)(?::(\d+))?\}")

Filler = Callable[[random.Random, int], str]
LENGTHS = (2, 1, 3, 0)
"""How long arrays are, in turn."""
NULL_EVERY = (4, 3, 5, 7)
"""By depth: one in so many values of a nullable field is null. Coprime, so that depths do not hide each other."""
MAX_SIZE = 400
"""The largest table. Some enums (countries, time zones) have more values than a world needs objects."""


def iso(milliseconds: int) -> str:
    """Return a time as the API writes it: UTC, with milliseconds."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def to_milliseconds(text: str) -> int:
    """Return milliseconds since the epoch of a date or date-time that Python can read. Raise ValueError for others."""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def random_text(alphabet: str, length: int, rng: random.Random) -> str:
    """Return `length` characters of one of the ALPHABETS."""
    characters = ALPHABETS[alphabet]
    return "".join([characters[int(rng.random() * len(characters))] for _ in range(length)])


def leaf(node: FieldNode, name: str, n: int, created: int, rng: random.Random) -> Any:
    """Return a value of a string, number, boolean, map or free FieldNode without enum; `created` is in milliseconds."""
    if node.sample is not None:
        return node.sample
    if node.kind == "string":
        return _string(node, name, n, created, rng)
    if node.kind in ("integer", "number"):
        low, high = _limited(node, *_range(name))
        whole = low + int(rng.random() * (high - low + 1))
        cents = (0.0, 0.5, 0.99)[int(rng.random() * 3)] if low < whole < high else 0.0
        return whole if node.kind == "integer" else whole + cents
    if node.kind == "boolean":
        return bool(n % 2) if name == "verified" else rng.random() < 0.5
    return {} if rng.random() < 0.3 else {"source": "import", "batch": int(rng.random() * 9)}


def filler_of_format(format: str) -> Filler | None:
    """Return what makes strings of a format, None if no form is declared for it."""
    form = _declared()["format"].get(format)
    return None if form is None else _formed(form)


def _string(node: FieldNode, name: str, n: int, created: int, rng: random.Random) -> str:
    if node.prefix:
        return node.prefix + random_text("alnum", 14, rng)
    if node.format == "date-time" or (node.format is None and _TIME_NAME.fullmatch(name)):
        return _moment(name, created, rng)
    if node.format == "date":
        return iso(created)[:10]
    filler = filler_of_format(node.format or "")
    if filler is not None:
        return filler(rng, n)
    shortest, longest = node.lengths
    return _filler(name)(rng, n).ljust(shortest, "x")[:longest]


def _moment(name: str, created: int, rng: random.Random) -> str:
    if name in ("created_at", "provider_created_at"):
        return iso(created)
    days = 30 + rng.random() * 300 if _LATER.fullmatch(name) else rng.random() * 20
    return iso(created + int(days * DAY_MS))


@cache
def _declared() -> dict[str, Any]:
    return packaged_toml(__package__, "values.toml")


@cache
def _filler(name: str) -> Filler:
    return _formed(next(entry["form"] for entry in _declared()["string"] if re.fullmatch(entry["name"], name)))


@cache
def _formed(form: str) -> Filler:
    parts: list[Filler | str] = []
    end = 0
    for match in _SLOT.finditer(form):
        parts += [form[end : match.start()], _slot(match[1], match[2])]
        end = match.end()
    parts.append(form[end:])
    return lambda rng, n: "".join([part if isinstance(part, str) else part(rng, n) for part in parts])


def _slot(name: str, length: str | None) -> Filler:
    if name == "n":
        return lambda rng, n: str(n)
    if length is not None:
        return lambda rng, n: random_text(name, int(length), rng)
    words = _declared()["words"][name.lower()]
    if name[0].isupper():
        words = [word.upper() if name.isupper() else word.title() for word in words]
    return lambda rng, n: str(words[int(rng.random() * len(words))])


def _limited(node: FieldNode, low: int, high: int) -> tuple[int, int]:
    """Return the part of a range that the schema allows; the nearest allowed number if there is none."""
    least = low if node.minimum is None else math.ceil(node.minimum)
    most = high if node.maximum is None else math.floor(node.maximum)
    low, high = max(low, min(least, most)), min(high, max(least, most))
    return (low, high) if low <= high else (least, least) if low > most else (most, most)


@cache
def _range(name: str) -> tuple[int, int]:
    entry = next(entry for entry in _declared()["number"] if re.fullmatch(entry["name"], name))
    return entry["low"], entry["high"]


class EntityRef(NamedTuple):
    """Which object of which table is meant."""

    table: str
    id: str


Pick = Callable[[str, str, int], EntityRef]


@dataclass(frozen=True)
class ValueMaker:
    """Makes the values of one object. `pick(table, path, tick)` chooses what a reference points at."""

    seed: int
    table: str
    n: int
    created: int
    rng: random.Random
    pick: Pick

    def make(self, node: FieldNode, path: str, tick: int, depth: int = 0) -> Any:
        """Return a value of `node`: JSON, with an EntityRef wherever another object is shown."""
        tick += offset(self.seed, self.table, path)
        if node.nullable:
            every = NULL_EVERY[depth % len(NULL_EVERY)]
            if tick % every == 0:
                return None
            tick = occurrences(tick, every)
        return self.present(node, path, tick, depth)

    def present(self, node: FieldNode, path: str, tick: int, depth: int) -> Any:
        """Return a value that is not null."""
        if node.kind in ("reference", "id"):
            return self.pick(node.resource or "", path, tick)
        if node.enum:
            return node.enum[tick % len(node.enum)]
        if node.kind == "union":
            chosen = tick % len(node.variants)
            return self.present(node.variants[chosen], f"{path}|{chosen}", tick // len(node.variants), depth)
        if node.kind == "array" and node.item:
            return self._array(node, node.item, path, tick, depth)
        if node.kind == "object":
            return dict(self._fields(node, path, tick, depth))
        if node.kind == "map" and node.item:
            return {key: self.make(node.item, f"{path}.{key}", tick, depth + 1) for key in ("alpha", "beta")}
        name = path.rpartition(".")[2]
        if name == "id" and node.kind not in ("integer", "number") and node.format is None and node.sample is None:
            return (node.prefix or "") + random_text("alnum", 14, self.rng)
        return leaf(node, name, self.n, self.created, self.rng)

    def _array(self, node: FieldNode, item: FieldNode, path: str, tick: int, depth: int) -> list[Any]:
        rounds, step = divmod(tick, len(LENGTHS))
        first = rounds * sum(LENGTHS) + sum(LENGTHS[:step])
        values: list[Any] = []
        shortest, longest = node.lengths
        count = max(shortest, LENGTHS[step])
        for position in range(count if longest is None else min(count, longest)):
            value = self.make(item, path, first + position, depth + 1)
            if value not in values:
                values.append(value)
        return values

    def _fields(self, node: FieldNode, path: str, tick: int, depth: int) -> Iterator[tuple[str, Any]]:
        for name in sorted(node.fields):
            yield name, self.make(node.fields[name], f"{path}.{name}", tick, depth + 1)


def occurrences(tick: int, every: int) -> int:
    """Return how many of the ticks before this one are not a multiple of `every`."""
    return tick - tick // every - 1


def offset(seed: int, table: str, path: str) -> int:
    """Return where in its cycle a field begins: by seed and place, the same in every process."""
    return zlib.crc32(f"{seed}:{table}:{path}".encode()) % 9973


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
