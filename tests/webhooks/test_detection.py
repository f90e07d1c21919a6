"""Each fault of a delivery is found by the checks of the receiver, and a faithful simulator has no finding."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest

from tests.webhooks.observed import CONTRACT, observed
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import State
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import InjectedFault, fault_catalogue, first_place

FAULTS = [name for name, fault in fault_catalogue().items() if fault.sees == "webhook"]


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded(CONTRACT, rate_limit=10**9) as running:
        yield running


def located(planted: InjectedFault, findings: list[Finding]) -> bool:
    return any(fnmatchcase(finding.location, place) for finding in findings for place in planted.locations or ("*",))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_as_what_it_is_and_where_it_is(simulator: Simulator, name: str) -> None:
    fault = fault_catalogue()[name]
    planted = first_place(CONTRACT, simulator.backend.world, fault)
    assert planted
    simulator.faults.switch([f"{name}@{planted.operation.id}"])
    try:
        findings = observed(simulator).findings()
    finally:
        simulator.faults.switch([])
    told = [(f.drift_class, f.check, f.operation, f.location) for f in findings]
    accused = {planted.operation.id, "webhook:*"}
    named = [
        f for f in findings if f.operation in accused and f.drift_class in fault.classes and f.check == fault.check
    ]
    assert named, told
    assert located(planted, named), told
    assert {finding.operation for finding in findings} <= accused, told


def test_a_faithful_simulator_has_no_finding(simulator: Simulator) -> None:
    ledger = observed(simulator, tuple(CONTRACT.events))
    assert ledger.findings() == ()
    assert {row.state for row in ledger.report("here").operations} == {State.VERIFIED}


@pytest.mark.parametrize("seed", range(1, 4))
def test_other_worlds_are_as_innocent(seed: int) -> None:
    with embedded(CONTRACT, seed=seed, rate_limit=10**9) as other:
        assert observed(other, (*CONTRACT.events, *CONTRACT.events)).findings() == ()


def test_unsigned_requests_are_no_drift_once_a_delivery_verified(simulator: Simulator) -> None:
    simulator.faults.switch(["delivery-unsigned@webhook:payment.succeeded"])
    try:
        alone, among = observed(simulator, ("payment.succeeded",)), observed(simulator)
    finally:
        simulator.faults.switch([])
    assert [finding.severity for finding in alone.findings()] == [Severity.CRITICAL]
    assert [finding.severity for finding in among.findings()] == [Severity.INFO]
