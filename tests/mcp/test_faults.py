"""Each fault of a tool is found by a survey, as what it is and where it is; whatever tool it is at."""

from __future__ import annotations

from random import Random

import pytest

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.finding import Finding
from whopwatch.core.report import Verdict
from whopwatch.mcp import check_mcp_server
from whopwatch.mcp.compare import compare_tools
from whopwatch.simulator import Simulator
from whopwatch.simulator.faults import InjectedFault, fault_catalogue, first_place, inject
from whopwatch.simulator.faults.catalogue import operations_for

from .conftest import Reach

pytestmark = pytest.mark.thorough

FAULTS = [name for name, fault in fault_catalogue().items() if fault.sees == "mcp"]
PLACES = 2
"""Further operations that each fault is put to."""


def accused(contract: Contract, planted: InjectedFault) -> str:
    """Return the tool that a finding has to name; an unknown one has the name that the server lists."""
    name = next(tool.name for tool in tools_of(contract).values() if tool.operation.id == planted.operation.id)
    return f"mcp:{name}_renamed" if planted.fault.name == "tool-extra" else f"mcp:{name}"


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str | None, str, str]]:
    return [(one.drift_class, one.check, one.operation, one.location) for one in findings]


def expected(contract: Contract, planted: InjectedFault) -> list[tuple[str, str | None, str, str]]:
    fault = planted.fault
    return [(fault.drift_class, fault.check, accused(contract, planted), planted.locations[0])]


@pytest.mark.parametrize("name", FAULTS)
def test_a_survey_finds_it_and_nothing_else(contract: Contract, simulator: Simulator, reach: Reach, name: str) -> None:
    planted = first_place(contract, simulator.backend.world, fault_catalogue()[name])
    assert planted
    simulator.faults.switch([f"{name}@{planted.operation.id}"])
    try:
        with reach(simulator) as (server, _):
            report = check_mcp_server(contract, server, name="simulator", ids={}, budget=1)
    finally:
        simulator.faults.switch([])
    assert told(report.findings) == expected(contract, planted)
    breaks = any(finding.breaks for finding in report.findings)
    assert (report.verdict is Verdict.DRIFT) is breaks


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_found_at_other_tools_as_well(contract: Contract, simulator: Simulator, reach: Reach, name: str) -> None:
    fault, world = fault_catalogue()[name], simulator.backend.world
    operations = operations_for(contract, fault)
    Random(name).shuffle(operations)  # noqa: S311
    places = [one for operation in operations if (one := inject(contract, world, fault, operation))][:PLACES]
    assert places
    with reach(simulator) as (server, _):
        for planted in places:
            simulator.faults.switch([f"{name}@{planted.operation.id}"])
            try:
                assert told(compare_tools(contract, server.tools())) == expected(contract, planted)
            finally:
                simulator.faults.switch([])
