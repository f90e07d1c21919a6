"""A simulator with one fault, and what a finding about that fault has to name."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from starlette.types import ASGIApp

from benchmarks.detection.cases import CATALOGUE, UNLISTED, Placed
from benchmarks.detection.unseen import UNSEEN, Front, Place
from whopwatch.contract import Contract
from whopwatch.finding import Finding
from whopwatch.simulator import Backend, Simulator, embedded
from whopwatch.simulator.faults import catalogue

READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Expected:
    """What a finding may call the fault. No `locations`: any would be right."""

    operations: tuple[str, ...]
    classes: tuple[str, ...]
    locations: tuple[str, ...]

    def names_class(self, finding: Finding) -> bool:
        """Whether a finding gives it one of its drift classes."""
        return finding.drift_class in self.classes

    def names_place(self, finding: Finding) -> bool:
        """Whether a finding points at its place, at what holds it, or into it."""
        return not self.locations or any(is_near(place, finding.location) for place in self.locations)


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
    located: list[str | None] = []
    if placed.origin == CATALOGUE:
        settings |= {"faults": [f"{placed.fault}@{placed.operation}"], "items": catalogue()[placed.fault].items}
    elif placed.origin == UNLISTED:

        def around(backend: Backend, app: ASGIApp) -> ASGIApp:
            operation = contract.operation(placed.operation)
            choice = random.Random(placed.seed)  # noqa: S311
            planted = UNSEEN[placed.fault].build(Place(contract, operation, choice, backend.api_key))
            assert planted
            located.append(planted.location)
            fronts.append(Front(app, contract, operation, planted.twist))
            return fronts[0]

        settings["around"] = around
    with embedded(contract, **settings) as simulator:
        expected = _expected(contract, placed, simulator, located)
        counted = fronts[0].requests if fronts else simulator.requests
        yield Stage(simulator, expected, counted, lambda: fronts[0].fired if fronts else None)


def is_near(place: str, found: str) -> bool:
    """Whether `found` is `place`, what holds it, or inside it; `*` in `place` is anything."""
    place, found = place.removeprefix("/data/*"), found.removeprefix("/data/*")
    if fnmatchcase(found, place):
        return True
    return place.startswith("/") and (found == place.rpartition("/")[0] or found.startswith(f"{place}/"))


def _expected(contract: Contract, placed: Placed, simulator: Simulator, located: list[str | None]) -> Expected | None:
    operation = contract.operations.get(placed.operation)
    if operation is None or not placed.fault:
        return None
    pair = (f"{operation.resource}.list", f"{operation.resource}.retrieve")
    twins = tuple(id for id in pair if id in contract.operations and id != operation.id)
    if placed.origin == UNLISTED:
        unseen = UNSEEN[placed.fault]
        accused = (operation.id, *twins) if 43 in unseen.invariants else (operation.id,)
        return Expected(accused, unseen.classes, tuple(place for place in located if place is not None))
    planted = simulator.backend.faults.planted[0]
    fault = planted.fault
    accused = (operation.id, *twins) if fault.twin else (operation.id,)
    return Expected(accused, fault.classes, planted.locations)
