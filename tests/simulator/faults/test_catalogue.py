"""The catalogue covers what there is to cover, and every entry of it can be planted."""

from __future__ import annotations

import re

import pytest

from whopwatch.contract import load
from whopwatch.simulator import Backend, SimulatorOptions
from whopwatch.simulator.faults import FAULT_GROUPS, OBSERVERS, fault_catalogue, inject
from whopwatch.simulator.faults.catalogue import operations_for
from whopwatch.simulator.world.tables import World

CLASSES = {f"D{number}" for number in range(1, 26)}
NOT_SHOWN_BY_AN_API = {
    "D25": "what could not be checked is a verdict, not a drift",
}
INVARIANTS = set(range(1, 52))
NOT_BREAKABLE = {
    14: "no documented list has a total",
    50: "no documented list has a total",
}


@pytest.fixture(scope="module")
def backend() -> Backend:
    return Backend(load(), SimulatorOptions())


def test_the_catalogue_is_large_enough() -> None:
    assert len(fault_catalogue()) >= 120


def test_every_class_that_a_running_api_can_show_is_covered() -> None:
    covered = {fault.drift_class for fault in fault_catalogue().values()}
    assert covered == CLASSES - NOT_SHOWN_BY_AN_API.keys()


def test_every_invariant_of_a_list_is_broken_by_a_fault() -> None:
    broken = {number for fault in fault_catalogue().values() for number in fault.invariants}
    assert broken == INVARIANTS - NOT_BREAKABLE.keys()


def test_no_list_has_a_total() -> None:
    contract = load()
    for operation in contract.lists:
        page = contract.resolve(operation.success.schema or {})
        info = contract.resolve(page["properties"]["page_info"])
        assert {*page["properties"], *info["properties"]} == {
            "data",
            "page_info",
            "end_cursor",
            "start_cursor",
            "has_next_page",
            "has_previous_page",
        }


@pytest.mark.parametrize("name", fault_catalogue())
def test_an_entry_is_complete_and_can_be_injected(backend: Backend, name: str) -> None:
    fault = fault_catalogue()[name]
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|[a-z]+", name)
    assert re.fullmatch(r"[A-Z`a-z].*\.", fault.effect)
    assert fault.group in FAULT_GROUPS
    assert fault.sees in OBSERVERS
    assert set(fault.classes) <= CLASSES
    contract = backend.contract
    places = [
        one
        for operation in operations_for(contract, fault)
        if (one := inject(contract, backend.world, fault, operation))
    ]
    assert places
    if fault.example:
        assert fault.example in {place.operation.id for place in places}


def test_a_wrapper_belongs_to_the_operation_of_its_fault(backend: Backend) -> None:
    contract = backend.contract
    for fault in fault_catalogue().values():
        for operation in contract.operations.values():
            planted = inject(contract, backend.world, fault, operation)
            for wrapper in planted.wrappers if planted else ():
                assert wrapper.operation == operation.id


@pytest.mark.parametrize("name", ["has-previous-always-backwards", "backwards-reversed", "cursor-refused-backwards"])
def test_a_fault_of_backward_pages_is_not_at_lists_that_are_read_forward_only(name: str) -> None:
    """No request could show it there."""
    contract = load("newest")
    world, fault = World(contract, seed=1), fault_catalogue()[name]
    forward, both = contract.operation("people.list"), contract.operation("products.list")
    assert inject(contract, world, fault, forward) is None
    assert inject(contract, world, fault, both) is not None
