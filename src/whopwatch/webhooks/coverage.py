"""List what whopwatch has for each webhook event: simulator, checks, test suite, faults and metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from whopwatch.contract import Contract, Event
from whopwatch.simulator.declarations import declarations_of
from whopwatch.simulator.faults import fault_catalogue, inject, operations_named
from whopwatch.simulator.world.tables import World
from whopwatch.webhooks.delivery import event_operation
from whopwatch.webhooks.lookup import can_retrieve

DELIVERY_CHECKS = ("signature", "content", "event", "schema", "fields", "identity", "retries")
"""The checks of every delivery. `lookup` is added if the event's object can be retrieved."""
EVENT_SUITE = "suites/webhooks"
"""The test suite of payloads, signatures and objects."""
EVENT_METRIC = "whop_webhook_deliveries_total"
"""The receiver counts each event in this metric."""


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """The coverage of one event. `simulator` says whether the simulator sends it; `checks` and `faults` are names."""

    event: str
    resource: str
    simulator: bool
    checks: tuple[str, ...]
    suite: str
    faults: tuple[str, ...]
    probe: str


def event_coverage(contract: Contract) -> Iterator[EventCoverage]:
    """Yield the coverage of each event, in the contract's order."""
    world = World(contract)
    for event in contract.events.values():
        yield EventCoverage(
            event=event.name,
            resource=event.resource,
            simulator=event.name in declarations_of(contract).events,
            checks=(*DELIVERY_CHECKS, "lookup") if can_retrieve(contract, event) else DELIVERY_CHECKS,
            suite=EVENT_SUITE,
            faults=tuple(_faults(contract, world, event)),
            probe=EVENT_METRIC,
        )


def _faults(contract: Contract, world: World, event: Event) -> Iterator[str]:
    (operation,) = operations_named(contract, event_operation(event.name))
    return (name for name, fault in fault_catalogue().items() if inject(contract, world, fault, operation))
