"""The table of the invariants: complete, and naming nothing that does not exist."""

from __future__ import annotations

from tests.detection.observed import INVARIANTS
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.oracle import list_rules
from whopwatch.simulator.faults import fault_catalogue


def test_each_of_the_51_is_there_once() -> None:
    assert [row["number"] for row in INVARIANTS] == list(range(1, 52))


def test_what_can_be_seen_has_a_check_and_a_fault_that_breaks_it() -> None:
    names = {check.id for check in CHECKS}
    for row in INVARIANTS:
        if row["sees"] == "none":
            assert not row.keys() & {"check", "fault"}, row["number"]
        else:
            fault = fault_catalogue()[row["fault"]]
            assert row["check"] in names, row["number"]
            assert row["number"] in fault.invariants
            assert row["sees"] == fault.sees


def test_the_rules_are_those_of_the_checks_and_every_rule_of_queries_is_used() -> None:
    known = {rule.id for check in CHECKS for rule in check.rules}
    used = {rule for row in INVARIANTS for rule in row.get("rules", ())}

    assert used <= known
    assert {id for id in known if id.startswith("queries/")} - used == {
        list_rules.TOO_MANY_BACKWARDS.id,
        list_rules.ANY_QUERY_REJECTED.id,  # a required parameter is new: the contract says more than any invariant
        list_rules.NULLS_ELSEWHERE.id,  # no document states it, so it breaks no invariant
    }
    assert all(
        any(rule.startswith(f"{row['check']}/") for rule in row["rules"]) for row in INVARIANTS if "rules" in row
    )


def test_no_list_of_the_contract_has_a_total(contract: Contract) -> None:
    for operation in contract.lists:
        assert schemas_of(contract).of(operation).fields.keys() == {"data", "page_info"}
