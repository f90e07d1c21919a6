"""Each fault is found by a run that can see it: the right class, the right place, and no other operation."""

from __future__ import annotations

import pytest

from tests.detection.conftest import Detections
from tests.detection.observed import Detection, checks_for
from whopwatch import run
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import load
from whopwatch.simulator import embedded
from whopwatch.simulator.faults import fault_catalogue, first_place

READABLE = [name for name, fault in fault_catalogue().items() if fault.sees == "read"]


@pytest.mark.parametrize("name", READABLE)
def test_a_fault_is_found_where_it_is_and_nowhere_else(detections: Detections, name: str) -> None:
    """One test for three assertions: each of them alone would run the check again in another worker."""
    detection = detections(name)
    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection.report.findings]
    assert detection.named, found
    assert checks_for(detection.fault) <= {finding.check for finding in detection.named}, found
    assert detection.located, (detection.planted.locations, [finding.location for finding in detection.named])
    assert detection.elsewhere == []


@pytest.mark.parametrize("name", [name for name, fault in fault_catalogue().items() if fault.sees == "incident"])
def test_a_fault_that_passes_is_an_incident_and_no_finding(detections: Detections, name: str) -> None:
    report = detections(name).report
    assert report.findings == ()
    assert {row["operation"] for row in report.extra["incidents"]} == {detections(name).planted.operation.id}


def test_every_check_is_made_to_fire_by_a_fault() -> None:
    """A fault of latency would take the time that the check waits for: it has unit tests only."""
    fired = {fault.check for fault in fault_catalogue().values()}
    assert {check.id for check in CHECKS} - fired == {"latency"}


WRITTEN = [name for name, fault in fault_catalogue().items() if fault.sees == "write"]
ITEMS = 4
BUDGET = 150
"""Little is in the lists, and most of the budget is for writing: what reads find has tests of its own."""


def written(name: str) -> Detection:
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
def test_a_fault_of_a_write_is_found_where_it_is_and_nowhere_else(name: str) -> None:
    detection = written(name)
    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection.report.findings]
    assert detection.located, (detection.planted.locations, found)
    assert checks_for(detection.fault) <= {finding.check for finding in detection.named}, found
    assert detection.elsewhere == []
