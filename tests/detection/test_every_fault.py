"""Each fault that a reading run can see is found, where it is and as what it is, and nothing else is accused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.detection.conftest import Simulators
from tests.detection.observed import detect
from whopwatch.checks import CHECKS
from whopwatch.contract import Contract
from whopwatch.simulator.faults import catalogue

OPEN = frozenset(Path(__file__).with_name("not_yet_found.txt").read_text(encoding="utf-8").split())
"""Faults that no check finds yet. One that is found has to leave the list."""

READABLE = [
    pytest.param(name, marks=pytest.mark.xfail(strict=True, reason="no check finds it yet") if name in OPEN else ())
    for name, fault in catalogue().items()
    if fault.sees == "read"
]


@pytest.mark.parametrize("name", READABLE)
def test_a_fault_is_found_by_the_check_that_names_it(contract: Contract, simulators: Simulators, name: str) -> None:
    fault = catalogue()[name]
    detection = detect(contract, simulators(fault.items), fault)

    found = [(f.drift_class, f.check, f.operation, f.location) for f in detection.report.findings]
    assert detection.named, found
    assert detection.located, (detection.planted.location, found)
    if fault.check:
        assert fault.check in {finding.check for finding in detection.named}, found
    assert [finding.operation for finding in detection.elsewhere if finding.breaks] == []


def test_every_check_is_made_to_fire_by_a_fault() -> None:
    fired = {fault.check for name, fault in catalogue().items() if fault.sees == "read" and name not in OPEN}
    assert {check.__name__.replace("_", "-") for check in CHECKS} <= fired


def test_no_fault_is_waited_for_that_is_not_there() -> None:
    assert catalogue().keys() >= OPEN
