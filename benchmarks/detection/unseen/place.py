"""The place of an unseen fault: one operation, and the fields of its response."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.detection.unseen.front import Twist
from whopwatch.contract import Contract, Operation

Schema = Mapping[str, Any]
DEPTH = 3
EACH = "*"


@dataclass(frozen=True)
class Site:
    """One field of a response; `path` has `*` for array items. `schema` is resolved and without its null."""

    path: tuple[str, ...]
    schema: Schema
    nullable: bool

    @property
    def location(self) -> str:
        """The location as findings name it."""
        return "".join(f"/{step}" for step in self.path)

    def change(self, value: Any, change: Callable[[Any, str], None]) -> None:
        """Call `change(object, name)` for every object in `value` that has this field."""
        _change(value, self.path, change)


@dataclass(frozen=True)
class Planted:
    """A fault at its place. `location` is the expected location of a finding, None if several are right."""

    twist: Twist
    location: str | None = None


@dataclass(frozen=True)
class Place:
    """One operation, and the random choices of one draw. `key` is a valid key."""

    contract: Contract
    operation: Operation
    random: random.Random
    key: str = ""

    def sites(self, fits: Callable[[Site], bool]) -> list[Site]:
        """Return the suitable required fields of the success response."""
        schema = self.operation.success.schema or {}
        return [site for site in _sites(self.contract, schema, (), False) if fits(site)]

    def pick(self, fits: Callable[[Site], bool]) -> Site | None:
        """Return one of them, if possible one that is never null."""
        found = self.sites(fits)
        solid = [site for site in found if not site.nullable]
        return self.random.choice(solid or found) if found else None


Build = Callable[[Place], Planted | None]


@dataclass(frozen=True)
class Unseen:
    """A fault outside the catalogue. `classes` are the drift classes that would be right for it."""

    name: str
    classes: tuple[str, ...]
    effect: str
    build: Build = field(repr=False)
    invariants: tuple[int, ...] = ()


def _sites(contract: Contract, schema: Schema, path: tuple[str, ...], nullable: bool) -> Iterator[Site]:
    schema, null = _solid(contract, schema)
    nullable = nullable or null
    if path and path[0] != "page_info":
        yield Site(path, schema, nullable)
    if len(path) >= DEPTH + 2:
        return
    if "items" in schema:
        yield from _sites(contract, schema["items"], (*path, EACH), nullable)
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        if name in required:
            yield from _sites(contract, part, (*path, name), nullable)


def _solid(contract: Contract, schema: Schema) -> tuple[Schema, bool]:
    """Return the schema without references and null, and whether null was allowed. A union of objects stays."""
    schema = contract.resolve(schema)
    branches = schema.get("anyOf", ())
    kept = [branch for branch in branches if branch.get("type") != "null"]
    if len(kept) == 1:
        inner, _ = _solid(contract, kept[0])
        return inner, len(kept) < len(branches)
    return schema, len(kept) < len(branches)


def _change(value: Any, path: tuple[str, ...], change: Callable[[Any, str], None]) -> None:
    step, *rest = path
    if step == EACH:
        if isinstance(value, list):
            for item in value:
                _change(item, tuple(rest), change)
    elif isinstance(value, dict) and step in value:
        if rest:
            _change(value[step], tuple(rest), change)
        else:
            change(value, step)
