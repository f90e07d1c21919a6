"""Each fault that a reading run can see is found, as what it is and where it is, and nothing else is accused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.detection.conftest import Detections
from whopwatch.checks import CHECKS
from whopwatch.simulator.faults import catalogue


def _listed(file: str) -> frozenset[str]:
    return frozenset(Path(__file__).with_name(file).read_text(encoding="utf-8").split())


NOT_FOUND = _listed("not_yet_found.txt")
NOT_LOCATED = _listed("not_yet_located.txt")
"""Faults that no check finds yet, or finds only elsewhere. One that is has to leave its list."""

NOT_FIRED = {"parents"}
"""Checks that no fault makes fire yet."""

READABLE = [name for name, fault in catalogue().items() if fault.sees == "read"]


def _each(names: list[str], open: frozenset[str]) -> list[Any]:
    waiting = pytest.mark.xfail(strict=True, reason="no check does it yet")
    return [pytest.param(name, marks=waiting if name in open else ()) for name in names]


@pytest.mark.parametrize("name", _each(READABLE, NOT_FOUND))
def test_a_fault_is_found_by_the_check_that_names_it(detections: Detections, name: str) -> None:
    detection = detections(name)
    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection.report.findings]
    assert detection.named, found
    if detection.fault.check:
        assert detection.fault.check in {finding.check for finding in detection.named}, found


@pytest.mark.parametrize("name", _each([name for name in READABLE if name not in NOT_FOUND], NOT_LOCATED))
def test_a_finding_points_at_the_fault(detections: Detections, name: str) -> None:
    detection = detections(name)
    assert detection.located, (detection.planted.locations, [finding.location for finding in detection.named])


@pytest.mark.parametrize("name", [name for name in READABLE if name not in NOT_FOUND])
def test_no_other_operation_is_accused(detections: Detections, name: str) -> None:
    assert detections(name).elsewhere == []


def test_every_check_is_made_to_fire_by_a_fault() -> None:
    fired = {catalogue()[name].check for name in READABLE if name not in NOT_FOUND}
    assert {check.__name__.replace("_", "-") for check in CHECKS} - fired == NOT_FIRED


def test_nothing_is_waited_for_that_is_not_there() -> None:
    assert catalogue().keys() >= NOT_FOUND | NOT_LOCATED
    assert not NOT_FOUND & NOT_LOCATED
