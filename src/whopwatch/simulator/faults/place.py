"""Where a fault is planted, and what planting it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.simulator.parcel import Tamper
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.views import View
from whopwatch.simulator.world import World

Around = Callable[[Call, Proceed], None]


@dataclass(frozen=True)
class Place:
    """One operation of one simulated world."""

    contract: Contract
    world: World
    operation: Operation

    @property
    def view(self) -> View | None:
        """How the operation shows its resource; None where its answer is a bare boolean."""
        return self.world.views.of_operation.get(self.operation.id)

    @property
    def twin(self) -> View | None:
        """How the resource's list shows what it retrieves, and the other way round."""
        names = {f"{self.operation.resource}.list", f"{self.operation.resource}.retrieve"} - {self.operation.id}
        views = self.world.views.of_operation
        return views.get(names.pop()) if len(names) == 1 else None

    @property
    def rare_ids(self) -> frozenset[str]:
        """One object in a hundred, one at least: the ids that rare faults befall."""
        view = self.view
        ids = list(self.world.table(view.table)) if view else []
        return frozenset(ids[len(ids) // 2 :: 100])


@dataclass(frozen=True)
class Plan:
    """The steps to wrap, in the order of wrapping, and where in an answer the fault shows, if that has a name.

    `tampers` are wrapped around the steps of a webhook delivery; `also` is where the fault shows besides, with `*`
    for anything.
    """

    steps: tuple[tuple[str, Around], ...]
    location: str | None = None
    tampers: tuple[tuple[str, Tamper], ...] = ()
    also: tuple[str, ...] = ()


def around(step: str, wrapper: Around, location: str | None = None) -> Plan:
    """A plan that wraps one step."""
    return Plan(((step, wrapper),), location)


Build = Callable[..., Plan | None]
"""`build(place, **settings)`: the plan of a fault at a place, None where it makes no sense there."""

Table = Mapping[str, Build]
Settings = Mapping[str, Any]
