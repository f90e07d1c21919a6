"""What there is for each webhook event: a rule in the simulator, checks, tests, faults, metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from whopwatch.contract import Contract, Event
from whopwatch.simulator.faults import catalogue, operations_named, plant
from whopwatch.simulator.happenings import declared
from whopwatch.simulator.world import World
from whopwatch.webhooks.delivery import operation_of
from whopwatch.webhooks.lookup import is_asked_for

CHECKS = ("signature", "content", "event", "schema", "fields", "identity", "retries")
"""What every delivery is held against; `lookup` comes with the object of an event that can be retrieved."""
SUITE = "suites/webhooks"
"""Tests each event's payload, signature and object."""
METRIC = "whop_webhook_deliveries_total"
"""Counted by the receiver for each event; `whopwatch webhook listen` is the probe of deliveries."""


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """One event's row. `simulator` is whether it can happen there; `checks` and `faults` are names."""

    event: str
    resource: str
    simulator: bool
    checks: tuple[str, ...]
    suite: str
    faults: tuple[str, ...]
    probe: str


def events_covered(contract: Contract) -> Iterator[EventCoverage]:
    """A row for each event of the contract, in its order."""
    world = World(contract)
    for event in contract.events.values():
        yield EventCoverage(
            event=event.name,
            resource=event.resource,
            simulator=event.name in declared(),
            checks=(*CHECKS, "lookup") if is_asked_for(contract, event) else CHECKS,
            suite=SUITE,
            faults=tuple(_faults(contract, world, event)),
            probe=METRIC,
        )


def _faults(contract: Contract, world: World, event: Event) -> Iterator[str]:
    (operation,) = operations_named(contract, operation_of(event.name))
    return (name for name, fault in catalogue().items() if plant(contract, world, fault, operation))
