"""The cases: one tool with one setting at one simulator, without a fault or with one at one operation."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.detection.unseen import UNSEEN, Place
from whopwatch.contract import Contract, Operation
from whopwatch.simulator.faults import fault_catalogue, inject
from whopwatch.simulator.world.tables import World

CATALOGUE, UNLISTED, CLEAN = "catalogue", "unseen", "clean"
ELSEWHERE = ("mcp", "webhook")
"""Faults that no request to the API shows; benchmarks.detection.run_other_checks searches for them."""
EVERYWHERE = "everywhere"
"""In place of an operation: all operations where the fault is possible."""
WHOPWATCH, SCHEMATHESIS = "whopwatch", "schemathesis"
BUDGET, DEFAULT = "budget", "default"
"""Settings of schemathesis: limited to the requests of our default budget, or its own defaults."""


@dataclass(frozen=True)
class Placed:
    """A fault at an operation, or EVERYWHERE. Without a fault: clean.

    `seed` is that of the simulator, the plan and every other random choice.
    """

    origin: str
    fault: str
    operation: str
    seed: int


@dataclass(frozen=True)
class Case:
    """One run. `setting` is a budget of requests for whopwatch, BUDGET or DEFAULT for schemathesis."""

    tool: str
    setting: str
    placed: Placed

    @property
    def key(self) -> str:
        """The identity of the case."""
        placed = self.placed
        return "/".join((self.tool, self.setting, placed.origin, placed.fault, placed.operation, str(placed.seed)))

    def to_json(self) -> dict[str, Any]:
        """Return the case, its place, and the class and visibility of the fault, for a record."""
        about = {"class": drift_class(self.placed), "sees": sees(self.placed)}
        return {"key": self.key, "tool": self.tool, "setting": self.setting, **asdict(self.placed), **about}


def draw(contract: Contract, draws: int, names: Sequence[str] = ()) -> Iterator[Placed]:
    """Return each fault (or those of `names`) at `draws` operations, drawn among the possible ones."""
    for seed in range(1, draws + 1):
        world = World(contract, seed=seed)
        for name, fault in fault_catalogue().items():
            if (names and name not in names) or fault.sees in ELSEWHERE:
                continue
            readable = fault.sees != "write"
            for operation in _shuffled(contract, name, seed):
                if (operation.is_read or not readable) and inject(contract, world, fault, operation):
                    yield Placed(CATALOGUE, name, operation.id, seed)
                    break
        for name, unseen in UNSEEN.items():
            if names and name not in names:
                continue
            for operation in _shuffled(contract, name, seed):
                if operation.is_read and unseen.build(Place(contract, operation, random.Random(seed))):  # noqa: S311
                    yield Placed(UNLISTED, name, operation.id, seed)
                    break


def spread(contract: Contract, names: Sequence[str] = ()) -> Iterator[Placed]:
    """Return each fault (or those of `names`) that reads can show, at every operation where it is possible.

    Without faults that only show next to other operations: everywhere at once, only an earlier run could show them.
    """
    for placed in draw(contract, 1, names):
        if sees(placed) == "read":
            everywhere = replace(placed, operation=EVERYWHERE)
            if sees(everywhere) == "read":
                yield everywhere


def clean(seeds: int) -> Iterator[Placed]:
    """Return the API without faults, once for each seed."""
    return (Placed(CLEAN, "", "", seed) for seed in range(seeds))


def baseline(placed: Placed) -> Placed:
    """Return the same place without the fault: what schemathesis reports there does not count as detection."""
    return Placed(CLEAN, "", placed.operation, placed.seed)


def drift_class(placed: Placed) -> str | None:
    """Return what changed compared with an earlier run, None if nothing did."""
    if placed.origin == CATALOGUE:
        return fault_catalogue()[placed.fault].drift_class
    return UNSEEN[placed.fault].classes[0] if placed.origin == UNLISTED else None


def sees(placed: Placed) -> str | None:
    """Return who could notice the fault, in the words of the catalogue."""
    if placed.origin == CATALOGUE:
        fault = fault_catalogue()[placed.fault]
        return "history" if fault.beside and placed.operation == EVERYWHERE else fault.sees
    return "read" if placed.origin == UNLISTED else None


def is_for_writers(placed: Placed) -> bool:
    """Whether only a run with writes could notice it."""
    return sees(placed) == "write"


def _shuffled(contract: Contract, name: str, seed: int) -> list[Operation]:
    operations = [operation for operation in contract.operations.values() if operation.api == "v1"]
    random.Random(f"{name}/{seed}").shuffle(operations)  # noqa: S311
    return operations
