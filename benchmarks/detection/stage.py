"""A simulator with one fault, and what a finding about the fault must name."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from starlette.types import ASGIApp

from benchmarks.detection.cases import CATALOGUE, EVERYWHERE, UNLISTED, Placed
from benchmarks.detection.unseen import UNSEEN, Front, Place
from benchmarks.detection.unseen import Planted as Twisted
from tests.detection.observed import is_near
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding
from whopwatch.simulator import Backend, Simulator, embedded
from whopwatch.simulator.faults import fault_catalogue
from whopwatch.simulator.world.tables import World

READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Expected:
    """What a finding about the fault may name.

    `places` are the operations, each with the expected locations; an empty value allows any location.
    """

    classes: tuple[str, ...]
    places: Mapping[str, tuple[str, ...]]

    def names_class(self, finding: Finding) -> bool:
        """Whether a finding has one of the fault's drift classes."""
        return finding.drift_class in self.classes

    def names_place(self, finding: Finding) -> bool:
        """Whether a finding names the location, a parent of it, or a part of it."""
        places = self.places.get(finding.operation, ())
        return not places or any(is_near(place, finding.location) for place in places)


@dataclass(frozen=True)
class Stage:
    """A running simulator. `counted` are the received requests by method; `expected` is None without a fault."""

    simulator: Simulator
    expected: Expected | None
    counted: Counter[str]
    fired: Callable[[], int | None]

    @property
    def unsafe(self) -> int:
        """The number of received requests that could have changed something."""
        return sum(number for method, number in self.counted.items() if method not in READS)


@contextmanager
def staged(contract: Contract, placed: Placed) -> Iterator[Stage]:
    """Run the simulator of one case, without a rate limit, while the context is open."""
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
    """Return the length of lists that a fault needs; None for the default."""
    return fault_catalogue()[placed.fault].items if placed.origin == CATALOGUE else None


@cache
def warmed(contract: Contract, seed: int, items: int | None) -> World:
    """Return a complete simulated world. It is created once, before the processes of the cases are forked."""
    world = World(contract, seed=seed, items=items)
    for table in world.shapes:
        world.table(table)
    return world


def _twisted(contract: Contract, placed: Placed, key: str) -> Mapping[str, Twisted]:
    """Place a fault from outside the catalogue at its operation, or at every possible one."""
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
    """Allow the list and the retrieve operation of one resource to be named in each other's place."""
    both = dict(places)
    for id, locations in places.items():
        resource = contract.operation(id).resource
        for twin in (f"{resource}.list", f"{resource}.retrieve"):
            if twin in contract.operations:
                both.setdefault(twin, locations)
    return both
