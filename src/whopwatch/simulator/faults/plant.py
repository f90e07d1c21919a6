"""Planting: from `NAME[@OPERATION]` to wrapped steps of the simulated API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.simulator.faults import (
    access,
    answer,
    body,
    cursors,
    delivery,
    lifecycle,
    objects,
    parameters,
    selection,
    tools,
    validation,
    versions,
    window,
    wire,
)
from whopwatch.simulator.faults.catalogue import DELIVERY, Fault, catalogue, deliveries, operations_for
from whopwatch.simulator.faults.place import Build, Place, Plan
from whopwatch.simulator.parcel import Tamper
from whopwatch.simulator.pipeline import Wrapper
from whopwatch.simulator.world import World

STEPS: dict[str, Build] = {
    **parameters.STEPS,
    **validation.STEPS,
    **selection.STEPS,
    **cursors.STEPS,
    **window.STEPS,
    **objects.STEPS,
    **lifecycle.STEPS,
    **access.STEPS,
    **body.STEPS,
    **answer.STEPS,
    **versions.STEPS,
    **wire.STEPS,
    **tools.STEPS,
    **delivery.STEPS,
}
"""How a fault is brought about, by name. Of two faults at one operation the later one here comes later there."""


@dataclass(frozen=True)
class Planted:
    """One fault at one operation."""

    fault: Fault
    operation: Operation
    plan: Plan

    @property
    def locations(self) -> tuple[str, ...]:
        """Where a finding about it may point: a place in an answer, a parameter, a header, the status; or anywhere."""
        planted = () if self.plan.location is None else (self.plan.location,)
        return self.fault.locations or (*planted, *self.plan.also)

    @property
    def wrappers(self) -> Iterator[Wrapper]:
        """The wrappers of the steps it changes."""
        return (Wrapper(step, around, self.operation.id) for step, around in self.plan.steps)


def plant(contract: Contract, world: World, fault: Fault, operation: Operation) -> Planted | None:
    """The fault at one operation, None where it makes no sense there."""
    if not fault.suits(operation) or not fault.has_writes(contract, operation):
        return None
    plan = STEPS[fault.step](Place(contract, world, operation), **fault.settings)
    return Planted(fault, operation, plan) if plan else None


def planted(contract: Contract, world: World, name: str) -> list[Planted]:
    """What `NAME[@WHERE]` stands for; WHERE is an operation or a resource, without it everywhere.

    Raises UsageError for a fault, operation or resource that does not exist, and where the fault makes no sense.
    """
    fault_name, _, where = name.partition("@")
    faults = catalogue()
    if fault_name not in faults:
        raise UsageError(
            f"There is no fault {fault_name!r} in the catalogue.",
            where="option --fault",
            expected="NAME or NAME@OPERATION",
            got=repr(name),
            hint=_nearest(fault_name) or "`whopwatch faults` lists them",
        )
    fault = faults[fault_name]
    chosen = operations_named(contract, where) if where else operations_for(contract, fault)
    found = [one for operation in chosen if (one := plant(contract, world, fault, operation))]
    if not found:
        raise UsageError(
            f"The fault {fault_name!r} makes no sense at {where!r}.",
            where="option --fault",
            expected=_wanted(fault, chosen),
            got=repr(where),
            hint=_elsewhere(contract, world, fault),
        )
    return found


def _nearest(name: str) -> str | None:
    """A suggestion for a misspelt fault: the same words in another order, else what is spelt most like it.

    A fault of deliveries is meant by those alone who write `delivery`.
    """
    alike = [known for known in catalogue() if known.startswith("delivery") is name.startswith("delivery")]
    reordered = [known for known in alike if sorted(known.split("-")) == sorted(name.split("-"))]
    return f"did you mean {reordered[0]!r}?" if reordered else did_you_mean(name, alike)


def operations_named(contract: Contract, where: str) -> list[Operation]:
    """The operations and deliveries that an id, or a resource, stands for; raises UsageError where there is none."""
    operations = {**contract.operations, **{operation.id: operation for operation in deliveries(contract)}}
    if where in contract.resources:
        return [operation for operation in operations.values() if operation.resource == where]
    if where not in operations:
        is_of_resource = where.partition(".")[0] in contract.resources
        near = contract.nearest(where) if is_of_resource else did_you_mean(where, [*operations, *contract.resources])
        raise UsageError(
            f"There is no operation or resource {where!r} in the contract.",
            where="option --fault",
            expected="an operation such as products.list, or a resource such as products",
            got=repr(where),
            hint=near or "`whopwatch contract show` lists them",
        )
    return [operations[where]]


def _wanted(fault: Fault, chosen: Sequence[Operation]) -> str:
    """What an operation has to be; or, where one of those chosen is that already, to have for the fault to show."""
    if any(fault.suits(operation) for operation in chosen):
        return f"an operation where this can be seen, in this world: {fault.effect}"
    return f"an operation of the kind {fault.place!r}"


def _elsewhere(contract: Contract, world: World, fault: Fault) -> str:
    example = first_place(contract, world, fault)
    return f"try {fault.name}@{example.operation.id}" if example else "leave the operation out"


def first_place(contract: Contract, world: World, fault: Fault) -> Planted | None:
    """The fault at the operation that shows it well: its example, else the first where it makes sense."""
    operations = operations_for(contract, fault)
    if fault.example:
        operations = [operation for operation in operations if operation.id == fault.example]
    return next((found for operation in operations if (found := plant(contract, world, fault, operation))), None)


class Faults:
    """The faults of a running simulator. They are switched all at once, and start anew each time."""

    def __init__(self, contract: Contract, world: World, apply: Callable[[Sequence[Wrapper]], None]) -> None:
        self._contract, self._world, self._apply = contract, world, apply
        self._names: tuple[str, ...] = ()
        self.planted: tuple[Planted, ...] = ()

    @property
    def active(self) -> tuple[str, ...]:
        """The faults that are planted now, as they were named."""
        return self._names

    def tampers(self, step: str, event: str) -> list[Tamper]:
        """What is to be wrapped around a step of the deliveries of an event."""
        here = [planted.plan for planted in self.planted if planted.operation.id == f"{DELIVERY}{event}"]
        return [tamper for plan in here for name, tamper in plan.tampers if name == step]

    def switch(self, names: Iterable[str]) -> tuple[Planted, ...]:
        """Take out what is planted and plant these instead. Raises UsageError and changes nothing for a wrong name."""
        wanted = tuple(names)
        found = [fault for name in wanted for fault in planted(self._contract, self._world, name)]
        order = list(STEPS)
        found.sort(key=lambda fault: order.index(fault.fault.step))
        self._apply([wrapper for fault in found for wrapper in fault.wrappers])
        self._names, self.planted = wanted, tuple(found)
        return self.planted
