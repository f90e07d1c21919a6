"""The table of the invariants: complete, and naming nothing that does not exist."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.oracle.list_rules import RULES
from whopwatch.simulator.faults import fault_catalogue

TABLE = tomllib.loads(files("whopwatch.checks").joinpath("invariants.toml").read_text(encoding="utf-8"))["invariant"]


def test_each_of_the_51_is_there_once() -> None:
    assert [row["number"] for row in TABLE] == list(range(1, 52))


def test_what_can_be_seen_has_a_check_and_a_fault_that_breaks_it() -> None:
    names = {check.id for check in CHECKS}
    for row in TABLE:
        if row["sees"] == "none":
            assert not row.keys() & {"check", "fault"}, row["number"]
        else:
            fault = fault_catalogue()[row["fault"]]
            assert row["check"] in names, row["number"]
            assert row["number"] in fault.invariants
            assert row["sees"] == fault.sees


def test_the_rules_are_those_of_the_comparison_and_each_one_is_used() -> None:
    used = {rule for row in TABLE for rule in row.get("rules", ())}
    assert used == RULES.keys() - {"too-many"}
    assert all(row["check"] == "queries" for row in TABLE if "rules" in row)


def test_no_list_of_the_contract_tells_a_total(contract: Contract) -> None:
    for operation in contract.lists:
        assert schemas_of(contract).of(operation).fields.keys() == {"data", "page_info"}
