"""A simulator with one fault, and what a finding about that fault has to name."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from starlette.types import ASGIApp

from benchmarks.detection.cases import CATALOGUE, EVERYWHERE, UNLISTED, Placed
from benchmarks.detection.unseen import UNSEEN, Front, Place
from benchmarks.detection.unseen import Planted as Twisted
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding
from whopwatch.simulator import Backend, Simulator, embedded
from whopwatch.simulator.faults import fault_catalogue
from whopwatch.simulator.world.tables import World

READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Expected:
    """What a finding may call the fault.

    `places` are the operations that may be accused, each with the locations that are right there; none means that
    any would be.
    """

    classes: tuple[str, ...]
    places: Mapping[str, tuple[str, ...]]

    def names_class(self, finding: Finding) -> bool:
        """Whether a finding gives it one of its drift classes."""
        return finding.drift_class in self.classes

    def names_place(self, finding: Finding) -> bool:
        """Whether a finding points at its place, at what holds it, or into it."""
        places = self.places.get(finding.operation, ())
        return not places or any(is_near(place, finding.location) for place in places)


@dataclass(frozen=True)
class Stage:
    """A running simulator. `counted` are the requests that reached it, by method; `expected` None where it is clean."""

    simulator: Simulator
    expected: Expected | None
    counted: Counter[str]
    fired: Callable[[], int | None]

    @property
    def unsafe(self) -> int:
        """How many requests came in that could have changed something."""
        return sum(number for method, number in self.counted.items() if method not in READS)


@contextmanager
def staged(contract: Contract, placed: Placed) -> Iterator[Stage]:
    """The simulator of one case, as long as the context. Its rate limit is out of the way of those who ask a lot."""
    settings: dict[str, Any] = {"seed": placed.seed, "rate_limit": 10**9}
    fronts: list[Front] = []
    planted: dict[str, Twisted] = {}
    if placed.origin == CATALOGUE:
        where = "" if placed.operation == EVERYWHERE else f"@{placed.operation}"
        settings |= {"faults": [f"{placed.fault}{where}"], "items": items_of(placed)}
    elif placed.origin == UNLISTED:

        def around(backend: Backend, app: ASGIApp) -> ASGIApp:
            planted.update(_twisted(contract, placed, backend.api_key))
            fronts.append(Front(app, contract, {id: one.twist for id, one in planted.items()}))
            return fronts[0]

        settings["around"] = around
    world = warmed(contract, placed.seed, settings.get("items"))
    with embedded(contract, world=world, **settings) as simulator:
        expected = _expected(contract, placed, simulator, planted)
        counted = fronts[0].requests if fronts else simulator.requests
        yield Stage(simulator, expected, counted, lambda: fronts[0].fired if fronts else None)


def items_of(placed: Placed) -> int | None:
    """How long lists have to be for a fault; None for the default."""
    return fault_catalogue()[placed.fault].items if placed.origin == CATALOGUE else None


@cache
def warmed(contract: Contract, seed: int, items: int | None) -> World:
    """A world with everything in it. Each case is a process of its own: what one made before it began, all have."""
    world = World(contract, seed=seed, items=items)
    for table in world.shapes:
        world.table(table)
    return world


def is_near(place: str, found: str) -> bool:
    """Whether `found` is `place`, what holds it, or inside it; `*` in `place` is anything."""
    place, found = place.removeprefix("/data/*"), found.removeprefix("/data/*")
    if fnmatchcase(found, place):
        return True
    return place.startswith("/") and (found == place.rpartition("/")[0] or found.startswith(f"{place}/"))


def _twisted(contract: Contract, placed: Placed, key: str) -> Mapping[str, Twisted]:
    """A fault from outside the catalogue at its operation, or at each one where it makes sense."""
    everywhere = placed.operation == EVERYWHERE
    v1 = (operation for operation in contract.reads if operation.api == "v1")
    chosen = v1 if everywhere else [contract.operation(placed.operation)]
    built = {
        operation.id: UNSEEN[placed.fault].build(Place(contract, operation, random.Random(placed.seed), key))  # noqa: S311
        for operation in chosen
    }
    return {id: one for id, one in built.items() if one}


def _expected(
    contract: Contract, placed: Placed, simulator: Simulator, twisted: Mapping[str, Twisted]
) -> Expected | None:
    if placed.origin == UNLISTED:
        unseen = UNSEEN[placed.fault]
        places = {id: tuple(filter(None, [one.location])) for id, one in twisted.items()}
        return Expected(unseen.classes, _with_twins(contract, places) if 43 in unseen.invariants else places)
    if placed.origin == CATALOGUE:
        fault = fault_catalogue()[placed.fault]
        places = {one.operation.id: one.locations for one in simulator.backend.faults.injected}
        return Expected(fault.classes, _with_twins(contract, places) if fault.twin else places)
    return None


def _with_twins(contract: Contract, places: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """The list and the retrieve of one resource may be accused in each other's place."""
    both = dict(places)
    for id, locations in places.items():
        resource = contract.operation(id).resource
        for twin in (f"{resource}.list", f"{resource}.retrieve"):
            if twin in contract.operations:
                both.setdefault(twin, locations)
    return both
