"""Each fault that only a run which writes can see is found by one, as what it is and where it is."""

from __future__ import annotations

from functools import cache

import pytest

from tests.detection.observed import Detection, checks_for
from whopwatch import run
from whopwatch.contract import load
from whopwatch.simulator import embedded
from whopwatch.simulator.faults import fault_catalogue, first_place

WRITTEN = [name for name, fault in fault_catalogue().items() if fault.sees == "write"]
ITEMS = 4
BUDGET = 150
"""Little is in the lists, and most of the budget is for writing: what reads find has tests of its own."""


@cache
def detection(name: str) -> Detection:
    """What a run that writes to the fault's resource says of it; a world of its own each time, as it is changed."""
    contract, fault = load(), fault_catalogue()[name]
    with embedded(contract, items=ITEMS) as simulator:
        planted = first_place(contract, simulator.backend.world, fault)
        assert planted
        simulator.faults.switch([f"{name}@{planted.operation.id}"])
        resources = [planted.operation.resource]
        report = run.check(contract, simulator.target(), resources=resources, budget=BUDGET, writes=True)
    return Detection(planted, frozenset([planted.operation.id]), report)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_fault_is_found_where_it_is(name: str) -> None:
    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection(name).report.findings]
    assert detection(name).located, (detection(name).planted.locations, found)
    assert checks_for(detection(name).fault) <= {finding.check for finding in detection(name).named}, found


@pytest.mark.parametrize("name", WRITTEN)
def test_no_other_operation_has_a_finding(name: str) -> None:
    assert detection(name).elsewhere == []
