"""Where an unseen fault can be put: one operation, and the places in its answer."""

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
    """One place in an answer; `path` has `*` for the items of an array. `schema` is resolved and without its null."""

    path: tuple[str, ...]
    schema: Schema
    nullable: bool

    @property
    def location(self) -> str:
        """The place as findings name it."""
        return "".join(f"/{step}" for step in self.path)

    def change(self, value: Any, change: Callable[[Any, str], None]) -> None:
        """Call `change(object, name)` for every object in `value` that has this place."""
        _change(value, self.path, change)


@dataclass(frozen=True)
class Planted:
    """A fault at its place. `location` is where a finding is expected, None where several would be right."""

    twist: Twist
    location: str | None = None


@dataclass(frozen=True)
class Place:
    """One operation, and the random choices of one draw. `key` is one that the API takes."""

    contract: Contract
    operation: Operation
    random: random.Random
    key: str = ""

    def sites(self, fits: Callable[[Site], bool]) -> list[Site]:
        """The required places in the success answer that fit."""
        schema = self.operation.success.schema or {}
        return [site for site in _sites(self.contract, schema, (), False) if fits(site)]

    def pick(self, fits: Callable[[Site], bool]) -> Site | None:
        """One of them, preferring those that are never null."""
        found = self.sites(fits)
        solid = [site for site in found if not site.nullable]
        return self.random.choice(solid or found) if found else None


Build = Callable[[Place], Planted | None]


@dataclass(frozen=True)
class Unseen:
    """A fault that is in no catalogue. `classes` are the drift classes that would be right for it."""

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
    """The schema without references and null, and whether null was allowed. A real union is left as it is."""
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
