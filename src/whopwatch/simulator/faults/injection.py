"""Inject faults: turn `NAME[@OPERATION]` into wrapped steps of the simulated API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.simulator.api.pipeline import StepWrapper
from whopwatch.simulator.events import DeliveryWrapper
from whopwatch.simulator.faults import body, delivery, lifecycle, pages, parameters, responses, tools, validation
from whopwatch.simulator.faults.catalogue import DELIVERY, Fault, deliveries, fault_catalogue, operations_for
from whopwatch.simulator.faults.context import BuildFault, FaultContext, FaultPlan, setting_of
from whopwatch.simulator.world.tables import World

FAULT_STEPS: dict[str, BuildFault] = {
    **parameters.PARAMETER_FAULTS,
    **validation.VALIDATION_FAULTS,
    **parameters.SELECTION_FAULTS,
    **pages.CURSOR_FAULTS,
    **pages.WINDOW_FAULTS,
    **validation.OBJECT_FAULTS,
    **lifecycle.LIFECYCLE_FAULTS,
    **validation.ACCESS_FAULTS,
    **body.BODY_FAULTS,
    **responses.ANSWER_FAULTS,
    **body.VERSION_FAULTS,
    **responses.WIRE_FAULTS,
    **tools.TOOL_FAULTS,
    **delivery.DELIVERY_FAULTS,
}
"""Ways to bring a fault about, by name. Of two faults of one operation, the later one here wraps the earlier one."""


@dataclass(frozen=True)
class InjectedFault:
    """One fault at one operation."""

    fault: Fault
    operation: Operation
    plan: FaultPlan

    @property
    def locations(self) -> tuple[str, ...]:
        """Where a finding may point: a location in the response, a parameter, header or status. Empty: anywhere."""
        own = () if self.plan.location is None else (self.plan.location,)
        return self.fault.locations or (*own, *self.plan.also)

    @property
    def wrappers(self) -> Iterator[StepWrapper]:
        """The wrappers of the steps that the fault changes."""
        return (StepWrapper(step, around, self.operation.id) for step, around in self.plan.steps)


def inject(contract: Contract, world: World, fault: Fault, operation: Operation) -> InjectedFault | None:
    """Return the fault at one operation, None if it cannot show there.

    Raise UsageError if the catalogue declares the fault with an unknown step or setting.
    """
    if not fault.suits(operation) or not fault.has_writes(contract, operation):
        return None
    try:
        build = setting_of(FAULT_STEPS, "step", fault.step)
        plan = build(FaultContext(contract, world, operation), **fault.settings)
    except UsageError as error:
        error.where = f"the fault {fault.name} in faults/declared/{fault.group}.toml"
        raise
    return InjectedFault(fault, operation, plan) if plan else None


def injected_faults(contract: Contract, world: World, name: str) -> list[InjectedFault]:
    """Return what `NAME[@WHERE]` selects. WHERE is an operation or a resource; without it, every operation.

    Raise UsageError for an unknown fault, operation or resource, and if the fault cannot show there.
    """
    fault_name, _, where = name.partition("@")
    faults = fault_catalogue()
    if fault_name not in faults:
        raise UsageError(
            f"Unknown fault {fault_name!r}.",
            where="option --fault",
            expected="NAME or NAME@OPERATION",
            got=repr(name),
            hint=_nearest(fault_name) or "`whopwatch faults` lists them",
        )
    fault = faults[fault_name]
    chosen = operations_named(contract, where) if where else operations_for(contract, fault)
    found = [one for operation in chosen if (one := inject(contract, world, fault, operation))]
    if not found:
        raise UsageError(
            f"The fault {fault_name!r} has no effect on {where!r}.",
            where="option --fault",
            expected=_expected(fault, chosen),
            got=repr(where),
            hint=_elsewhere(contract, world, fault),
        )
    return found


def _nearest(name: str) -> str | None:
    """Suggest a fault for a misspelt name: the same words in another order, else the most similar spelling.

    Faults of deliveries are suggested only for names that begin with `delivery`.
    """
    alike = [known for known in fault_catalogue() if known.startswith("delivery") is name.startswith("delivery")]
    reordered = [known for known in alike if sorted(known.split("-")) == sorted(name.split("-"))]
    return f"did you mean {reordered[0]!r}?" if reordered else did_you_mean(name, alike)


def operations_named(contract: Contract, where: str) -> list[Operation]:
    """Return the operations and deliveries that an id or a resource selects. Raise UsageError if there is none."""
    operations = {**contract.operations, **{operation.id: operation for operation in deliveries(contract)}}
    if where in contract.resources:
        return [operation for operation in operations.values() if operation.resource == where]
    if where not in operations:
        is_of_resource = where.rpartition(".")[0] in contract.resources
        near = contract.nearest(where) if is_of_resource else did_you_mean(where, [*operations, *contract.resources])
        raise UsageError(
            f"Unknown operation or resource {where!r}.",
            where="option --fault",
            expected="an operation such as products.list, or a resource such as products",
            got=repr(where),
            hint=near or "`whopwatch contract show` lists them",
        )
    return [operations[where]]


def _expected(fault: Fault, chosen: Sequence[Operation]) -> str:
    """Return which operations the fault suits; for operations of the right kind, what they must have."""
    if any(fault.suits(operation) for operation in chosen):
        return f"an operation of this world where the fault can show: {fault.effect}"
    return f"an operation of the kind {fault.place!r}"


def _elsewhere(contract: Contract, world: World, fault: Fault) -> str:
    example = first_place(contract, world, fault)
    return f"try {fault.name}@{example.operation.id}" if example else "leave the operation out"


def first_place(contract: Contract, world: World, fault: Fault) -> InjectedFault | None:
    """Return the fault at its example operation, else at the first operation where it can show."""
    operations = operations_for(contract, fault)
    if fault.example:
        operations = [operation for operation in operations if operation.id == fault.example]
    return next((found for operation in operations if (found := inject(contract, world, fault, operation))), None)


class ActiveFaults:
    """The faults of a running simulator. `switch` replaces all of them at once, and each starts afresh."""

    def __init__(self, contract: Contract, world: World, apply: Callable[[Sequence[StepWrapper]], None]) -> None:
        self._contract, self._world, self._apply = contract, world, apply
        self._names: tuple[str, ...] = ()
        self.injected: tuple[InjectedFault, ...] = ()

    @property
    def active(self) -> tuple[str, ...]:
        """The active faults as they were named."""
        return self._names

    def delivery_wrappers(self, step: str, event: str) -> list[DeliveryWrapper]:
        """Return the wrappers of a step of the event's deliveries."""
        plans = [injected.plan for injected in self.injected if injected.operation.id == f"{DELIVERY}{event}"]
        return [wrapper for plan in plans for name, wrapper in plan.delivery_steps if name == step]

    def switch(self, names: Iterable[str]) -> tuple[InjectedFault, ...]:
        """Replace the active faults. Raise UsageError for a wrong name, and changes nothing then."""
        wanted = tuple(names)
        found = [fault for name in wanted for fault in injected_faults(self._contract, self._world, name)]
        order = list(FAULT_STEPS)
        found.sort(key=lambda injected: order.index(injected.fault.step))
        self._apply([wrapper for fault in found for wrapper in fault.wrappers])
        self._names, self.injected = wanted, tuple(found)
        return self.injected
