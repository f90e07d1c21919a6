"""What a fault gets to know about the operation it is injected into, and what injecting it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import entry_named
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.events import DeliveryWrapper
from whopwatch.simulator.world.tables import World
from whopwatch.simulator.world.views import View

Around = Callable[[ApiCall, Proceed], None]


@dataclass(frozen=True)
class FaultContext:
    """One operation of one simulated world."""

    contract: Contract
    world: World
    operation: Operation

    @property
    def view(self) -> View | None:
        """How the operation shows its resource; None if it answers with a boolean."""
        return self.world.views.of_operation.get(self.operation.id)

    @property
    def twin(self) -> View | None:
        """How the other one of the resource's `list` and `retrieve` shows the same object."""
        names = {f"{self.operation.resource}.list", f"{self.operation.resource}.retrieve"} - {self.operation.id}
        views = self.world.views.of_operation
        return views.get(names.pop()) if len(names) == 1 else None

    @property
    def rare_ids(self) -> frozenset[str]:
        """The ids that rare faults affect: one object in a hundred, at least one."""
        view = self.view
        ids = list(self.world.table(view.table)) if view else []
        return frozenset(ids[len(ids) // 2 :: 100])


@dataclass(frozen=True)
class FaultPlan:
    """The steps to wrap, in order, and the location in a response where the fault shows, None if it may be anywhere.

    `delivery_steps` are steps of a webhook delivery to wrap. `also` are further locations; `*` matches anything.
    """

    steps: tuple[tuple[str, Around], ...]
    location: str | None = None
    delivery_steps: tuple[tuple[str, DeliveryWrapper], ...] = ()
    also: tuple[str, ...] = ()


def around(step: str, wrapper: Around, location: str | None = None) -> FaultPlan:
    """Return a plan that wraps one step."""
    return FaultPlan(((step, wrapper),), location)


BuildFault = Callable[..., FaultPlan | None]
"""`build(context, **settings)` returns the plan of a fault for an operation, None if the fault cannot show there."""

FaultSteps = Mapping[str, BuildFault]
"""Ways to bring a fault about, by the name that the catalogue uses."""

T = TypeVar("T")


def setting_of(table: Mapping[str, T], name: str, value: str) -> T:
    """Return what the value of a fault's setting means. Raise UsageError for a value that `table` does not have."""
    return entry_named(value, table, f"value of the setting {name}")
