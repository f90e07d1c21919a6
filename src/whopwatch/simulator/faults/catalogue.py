"""The catalogue: the declared faults, one file per group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.core.documents import packaged_toml
from whopwatch.core.drift_classes import class_slug

FAULT_GROUPS = (
    "shape",
    "value",
    "envelope",
    "answer",
    "error",
    "access",
    "wire",
    "page",
    "cursor",
    "query",
    "object",
    "lifecycle",
    "version",
    "tools",
    "delivery",
)
"""The files of the catalogue, in the order of `whopwatch faults`."""


@dataclass(frozen=True)
class Fault:
    """One way in which an API can break its contract.

    `drift_class` and `effect` say what changes and what a client sees. `place` is the kind of operation (a key of
    PLACES), `step` and `settings` how the fault is brought about. `sees` is who can notice it: a key of OBSERVERS.
    `check` is the check that has to find it, `found` the drift classes that it may be reported as, `invariants` the
    invariants of a paginated list (1 to 51) that it breaks. `locations` are where it may be reported, if not where it
    is injected; `*` matches anything. With `twin`, the finding may name the other one of the resource's list and
    retrieve; with `whole`, other operations are needed to notice the fault; with `beside`, it does not show if every
    operation has it.
    `example` is an operation that shows the fault well, `items` the length of lists that it needs. `written_by` are
    kinds of writes (keys of PLACES) of which the resource needs one.
    """

    name: str
    group: str
    drift_class: str
    effect: str
    place: str
    step: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    sees: str = "read"
    check: str | None = None
    found: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    twin: bool = False
    whole: bool = False
    beside: bool = False
    invariants: tuple[int, ...] = ()
    example: str | None = None
    items: int | None = None
    written_by: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The drift classes that the fault may be reported as."""
        return self.found or (self.drift_class,)

    def suits(self, operation: Operation) -> bool:
        """Check that the fault suits operations of this kind."""
        if (self.place == "delivery") is not operation.id.startswith(DELIVERY):
            return False
        return PLACES[self.place](operation)

    def has_writes(self, contract: Contract, operation: Operation) -> bool:
        """Check that the operation's resource has one of the writes that the fault needs to show."""
        own = [other for other in contract.operations.values() if other.resource == operation.resource]
        return not self.written_by or any(PLACES[kind](other) for kind in self.written_by for other in own)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of `whopwatch faults --json`."""
        return {
            "name": self.name,
            "group": self.group,
            "class": self.drift_class,
            "class_slug": class_slug(self.drift_class, self.check or ""),
            "effect": self.effect,
            "place": self.place,
            "sees": self.sees,
            "check": self.check,
            "found": list(self.classes),
            "invariants": list(self.invariants),
        }


OBSERVERS = {
    "read": "a run that only reads",
    "incident": "a run, as an incident: the request succeeds when it is repeated",
    "deep": "a run that only reads, with a larger budget or over longer lists",
    "history": "a run that knows an earlier run",
    "time": "a run that knows earlier response times",
    "scope": "a run with a second key that lacks permissions",
    "write": "a run that writes",
    "webhook": "a receiver of webhooks",
    "mcp": "a check of the MCP server",
}
"""Who can notice a fault."""


def _is_action(operation: Operation) -> bool:
    return operation.method == "POST" and "{" in operation.path


PLACES: Mapping[str, Callable[[Operation], bool]] = {
    "list": lambda operation: operation.is_list,
    "retrieve": lambda operation: operation.is_read and not operation.is_list,
    "read": lambda operation: operation.is_read,
    "create": lambda operation: operation.method == "POST" and "{" not in operation.path,
    "update": lambda operation: operation.method in ("PATCH", "PUT"),
    "delete": lambda operation: operation.method == "DELETE",
    "action": _is_action,
    "write": lambda operation: not operation.is_read,
    "v2": lambda operation: operation.api == "v2" and operation.is_read,
    "any": lambda operation: True,
    "delivery": lambda operation: True,
}
"""The kinds of operations. A `delivery` is the delivery of a webhook event."""

DELIVERY = "webhook:"
"""The prefix of the ids of deliveries."""


@lru_cache(maxsize=8)
def deliveries(contract: Contract) -> tuple[Operation, ...]:
    """Return the deliveries of the contract's events as operations: `webhook:payment.succeeded`."""
    return tuple(
        Operation(
            id=f"{DELIVERY}{event.name}",
            api="v1",
            method="POST",
            path="",
            resource=event.resource,
            parameters=(),
            body=event.schema,
            body_required=True,
            responses={},
            scopes=(),
        )
        for event in contract.events.values()
    )


@cache
def fault_catalogue() -> Mapping[str, Fault]:
    """Return every fault by name, in the order of the catalogue."""
    faults: dict[str, Fault] = {}
    for group in FAULT_GROUPS:
        declared = packaged_toml(__package__, f"declared/{group}.toml")
        for entry in declared["fault"]:
            fault = _fault(group, {**declared.get("defaults", {}), **entry})
            if fault.name in faults:
                raise ValueError(f"two faults are called {fault.name}")
            faults[fault.name] = fault
    return faults


def _fault(group: str, entry: Mapping[str, Any]) -> Fault:
    renamed = {"class": "drift_class", "with": "settings", "location": "locations"}
    settings = {renamed.get(name, name): value for name, value in entry.items()}
    for name in ("found", "locations", "invariants", "written_by"):
        value = settings.get(name, ())
        settings[name] = (value,) if isinstance(value, str) else tuple(value)
    return Fault(group=group, **settings)


def operations_for(contract: Contract, fault: Fault) -> list[Operation]:
    """Return the operations that a fault suits."""
    every = (*contract.operations.values(), *deliveries(contract))
    return [operation for operation in every if fault.suits(operation)]
