"""The one operation of v2: every expansion of it, its own envelope and limit, and its deprecated fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract, Parameter
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import State, Verdict
from whopwatch.http import Call
from whopwatch.oracle.documented_fields import EXPAND, MIN_OBJECTS, deprecated_properties, expandable
from whopwatch.planning.follow_ups import expansions
from whopwatch.planning.state import RunState
from whopwatch.run import check, observe, select_operations
from whopwatch.simulator.backend import SimulatorOptions

ID = "v2.plans.retrieve"


def at(contract: Contract, *, fault: str | None = None, seed: int = 0) -> InProcess:
    api = InProcess(contract, SimulatorOptions(seed=seed))
    if fault:
        api.backend.faults.switch([f"{fault}@{ID}"])
    return api


def found(contract: Contract, fault: str) -> list[Finding]:
    api = at(contract, fault=fault)
    return list(check(contract, api.target(), resources=["v2"], transport=api).findings)


@pytest.mark.parametrize("seed", range(10))
def test_no_false_alarm_in_any_world(contract: Contract, seed: int) -> None:
    api = at(contract, seed=seed)
    report = check(contract, api.target(), resources=["v2"], seed=seed, transport=api)
    assert report.findings == ()
    assert report.verdict is Verdict.CLEAN
    assert [row.id for row in report.operations if row.state is State.VERIFIED] == [ID]


def test_it_is_asked_for_expanded_and_as_it_is(contract: Contract) -> None:
    api = at(contract)
    seen = observe(
        contract, api.target(), selected=select_operations(contract, resources=["v2"]), transport=api
    ).exchanges
    answered = [one for one in seen if one.operation == ID and one.ok]
    forms = Counter((_asked(one), type(one.json.get("product")).__name__) for one in answered)
    assert forms[("product",), "dict"] >= 1
    assert forms[(), "str"] >= 1
    assert {form for form in forms if form[1] != "NoneType"} == {(("product",), "dict"), ((), "str")}
    assert len({one.path_params["id"] for one in answered}) >= MIN_OBJECTS


def _asked(exchange: Exchange) -> tuple[str, ...]:
    return tuple(value for name, value in exchange.query if name == EXPAND)


def test_what_can_be_expanded_and_what_will_go_is_read_from_the_contract(contract: Contract) -> None:
    assert expandable(contract, contract.operation(ID)) == ("product",)
    assert deprecated_properties(contract, ID) == ("access_pass", "card_payments")
    assert deprecated_properties(contract, "plans.list") == ()


def test_every_combination_is_asked_for_once(contract: Contract) -> None:
    operation = contract.operation(ID)
    others = [parameter for parameter in operation.parameters if parameter.name != EXPAND]
    expand = Parameter(EXPAND, "query", False, {"type": "array", "items": {"enum": ["product", "owner", "page"]}})
    wider = replace(operation, parameters=(*others, expand))
    call = Call(wider, Purpose.RETRIEVE, path_params={"id": "plan_1"})
    answer = Exchange(
        ID, Purpose.RETRIEVE, "GET", "", path_params={"id": "plan_1"}, status=200, body=b'{"id": "plan_1"}'
    )
    state = RunState(contract, {ID})
    state.record(call, answer)
    asked = [tuple(value for _, value in one.query) for one in expansions(state, wider)]
    three = [("product",), ("owner",), ("page",), ("product", "owner"), ("product", "page"), ("owner", "page")]
    assert asked == [*three, ("product", "owner", "page"), ()]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("expand-ignored", ("D20", "expansion", "param:expand[]")),
        ("expand-unasked", ("D20", "expansion", "param:expand[]")),
        ("expand-refused", ("D14", "expansion", "param:expand[]")),
        ("deprecated-field-gone", ("D6", "removal", "/access_pass")),
        ("v2-envelope-of-v1", ("D15", "envelope", "/error/status")),
        ("error-without-message", ("D15", "envelope", "/error/message")),
        ("v2-limit-lower", ("D22", "status", "status")),
    ],
)
def test_a_fault_is_reported_once_at_its_location(contract: Contract, fault: str, told: tuple[str, str, str]) -> None:
    findings = found(contract, fault)
    assert [(one.drift_class, one.check, one.location) for one in findings] == [told]
    assert {one.operation for one in findings} == {ID}


def test_few_objects_say_nothing_of_what_is_optional(contract: Contract) -> None:
    api = at(contract, fault="deprecated-field-gone")
    report = check(contract, api.target(), resources=["v2"], budget=10, transport=api)
    assert [one.check for one in report.findings] == []


def test_a_run_of_everything_is_v1(contract: Contract) -> None:
    assert ID not in select_operations(contract)
    assert select_operations(contract, resources=["v2"]) == {ID}
    assert ID not in select_operations(contract, resources=["plans"])
    assert select_operations(contract, only=["plans.list"], resources=["v2"]) == {ID, "plans.list"}
    with pytest.raises(UsageError, match="Unknown resource 'v3'"):
        select_operations(contract, resources=["v3"])
