"""Each fault that a reading run can see is found, as what it is and where it is, and nothing else is accused."""

from __future__ import annotations

import pytest

from tests.detection.conftest import Detections
from tests.detection.observed import checks_for
from whopwatch.checks.registry import CHECKS
from whopwatch.simulator.faults import fault_catalogue

READABLE = [name for name, fault in fault_catalogue().items() if fault.sees == "read"]


@pytest.mark.parametrize("name", READABLE)
def test_a_fault_is_found_by_the_check_that_names_it(detections: Detections, name: str) -> None:
    detection = detections(name)
    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection.report.findings]
    assert detection.named, found
    assert checks_for(detection.fault) <= {finding.check for finding in detection.named}, found


@pytest.mark.parametrize("name", READABLE)
def test_a_finding_points_at_the_fault(detections: Detections, name: str) -> None:
    detection = detections(name)
    assert detection.located, (detection.planted.locations, [finding.location for finding in detection.named])


@pytest.mark.parametrize("name", READABLE)
def test_no_other_operation_is_accused(detections: Detections, name: str) -> None:
    assert detections(name).elsewhere == []


def test_every_check_is_made_to_fire_by_a_fault() -> None:
    """A fault of latency would take the time that the check waits for: it has unit tests only."""
    fired = {fault.check for fault in fault_catalogue().values()}
    assert {check.id for check in CHECKS} - fired == {"latency"}
