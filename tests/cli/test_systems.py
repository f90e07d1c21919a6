"""The table of all systems: a row for each that the reference names, and no cell without a word."""

from __future__ import annotations

from whopwatch.cli._support.systems import PARTS, systems, table
from whopwatch.contract import edition_dir, load
from whopwatch.simulator.faults import fault_catalogue
from whopwatch.simulator.faults.catalogue import operations_for


def test_every_system_has_a_row_and_every_cell_a_word() -> None:
    contract = load()
    rows = systems(contract, edition_dir())
    names = [row.name for row in rows]
    assert names[: len(contract.resources)] == list(contract.resources)
    assert {f"webhook:{event}" for event in contract.events} <= set(names)
    assert {"v2.plans", "SDK, Python", "SDK, TypeScript", "SDK, Ruby", "MCP server"} <= set(names)
    assert len(names) == len(set(names)) == 45 + 27 + 5
    for row in rows:
        assert set(row.cells) == set(PARTS)
        assert all(cell.strip() for cell in row.cells.values()), row.name
    assert len(list(table(rows))) == len(rows) + 1


def test_what_is_counted_is_there() -> None:
    rows = {row.name: row.cells for row in systems(load(), edition_dir())}
    assert rows["products"]["simulator"] == "5 of 5"
    assert rows["products"]["check"] == "2 read, 3 of 3 written"
    assert rows["topups"]["probe"] == "no read to probe"
    assert rows["v2.plans"]["suite"] == "3 tests"
    assert rows["v2.plans"]["probe"] == "1 of 1"
    of_v2 = {name for name, fault in fault_catalogue().items() if fault.group == "version"}
    assert int(rows["v2.plans"]["faults"]) > len(of_v2) == 7
    assert rows["MCP server"]["faults"] == "10, and those of the API"
    assert rows["MCP server"]["probe"] == "its tools, 3 called a round"


def test_a_fault_that_only_v2_can_have_is_counted_there_alone() -> None:
    contract = load()
    found = {
        one.id
        for fault in fault_catalogue().values()
        if fault.group == "version"
        for one in operations_for(contract, fault)
    }
    assert found == {"v2.plans.retrieve"}
