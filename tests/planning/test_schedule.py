"""The schedule: every run covers the essentials, consecutive runs cover the rest, urgent operations come first."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from tests.planning.support import ProductList, drive, page, run_state
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning import invalid_requests as invalid
from whopwatch.planning.follow_ups import more_objects
from whopwatch.planning.schedule import (
    AUTHENTICATION,
    OTHER_CHECKS,
    REFUSALS,
    ROTATION_DIVISOR,
    plan,
    rotating,
    urgency,
)
from whopwatch.planning.state import OperationHistory, RunState


def reads(contract: Contract) -> list[str]:
    return [operation.id for operation in contract.reads if operation.api == "v1"]


def asked(contract: Contract, night: int, budget: int) -> list[tuple[object, str]]:
    state = RunState(contract, set(reads(contract)), night, budget)
    return [(step, operation.id) for step, operation in rotating(state)]


@pytest.mark.parametrize("budget", [600, 2000])
def test_consecutive_nights_leave_no_experiment_out(contract: Contract, budget: int) -> None:
    step = budget // ROTATION_DIVISOR
    every = set(asked(contract, 0, budget))
    nights = ceil(len(every) / step)

    seen = {question for night in range(nights) for question in asked(contract, night, budget)[:step]}

    assert seen == every
    assert nights <= (14 if budget == 600 else 5)


def test_a_night_covers_a_little_of_everything(contract: Contract) -> None:
    tonight = asked(contract, 3, 600)[:75]

    assert len({step for step, _ in tonight}) >= 18
    assert len({operation for _, operation in tonight}) >= 40


def test_rotating_experiments_apply_to_their_kind_of_operation(contract: Contract) -> None:
    pairs = rotating(run_state(contract, *reads(contract), unscoped=True))
    assert {operation.is_list for step, operation in pairs if step is more_objects} == {False}
    assert {operation.is_list for step, operation in pairs if step is invalid.unknown_parent} == {True}
    assert {operation.is_list for step, operation in pairs if step is invalid.no_key} == {True, False}
    assert any(step is invalid.without_scope for step, _ in pairs)
    assert not any(step is invalid.without_scope for step, _ in rotating(run_state(contract, *reads(contract))))
    assert rotating(run_state(contract)) == []


def run(state: RunState) -> list[Call]:
    """Run a whole plan against products that are correct and objects that echo their id."""
    products = ProductList(30)

    def api(call: Call) -> tuple[object, int]:
        if call.credential != "key":
            return {"error": {}}, 401
        if call.purpose.value.startswith(("odd", "unknown", "malformed", "missing")):
            return {"error": {}}, 400
        if call.operation.id == "products.list":
            return products(call)
        if call.operation.is_list:
            return page(["x_1"]), 200
        return {"id": call.path_params.get("id", "x_1")}, 200

    return [call for planned in plan(state) if planned for call in drive(state, planned.experiment, api)]


def test_a_whole_plan_requests_each_kind_of_experiment_once_per_operation(contract: Contract) -> None:
    state = run_state(contract, "products.list", "products.retrieve", "plans.list", "plans.retrieve")
    calls = run(state)
    assert state.reached
    count = Counter((call.operation.id, call.purpose) for call in calls)
    assert {purpose for _, purpose in count} >= {
        Purpose.LIST, Purpose.RETRIEVE, Purpose.QUERY, Purpose.NO_KEY, Purpose.WRONG_KEY, Purpose.INVALID_SIZE,
        Purpose.INVALID_CURSOR, Purpose.INVALID_VALUE, Purpose.MISSING_PARAMETER, Purpose.UNKNOWN_ID,
        Purpose.MALFORMED_ID,
    }  # fmt: skip
    assert count["products.list", Purpose.LIST] == 1
    for id in ("products.list", "products.retrieve"):
        assert count[id, Purpose.NO_KEY] == count[id, Purpose.WRONG_KEY] == 1
    assert count["products.list", Purpose.INVALID_SIZE] == 5
    assert count["products.list", Purpose.INVALID_CURSOR] == 5
    assert count["products.list", Purpose.INVALID_VALUE] == 4
    assert count["products.list", Purpose.MISSING_PARAMETER] == 1


def test_an_experiment_on_one_operation_moves_on_with_its_place_in_the_plan(contract: Contract) -> None:
    """Otherwise the first operation of the order would get all of these experiments."""
    lists = [one.id for one in contract.reads if one.is_list and one.api == "v1" and not any(one.in_("path"))]
    company = [id for id in lists if [one.name for one in contract.operation(id).required_query] == ["company_id"]]
    state = run_state(contract, *company[:10])
    order = [operation.id for operation in sorted(state.reads(), key=lambda operation: urgency(state, operation))]
    calls = run(state)
    tried = {call.purpose: call.operation.id for call in reversed(calls)}
    assert tried[Purpose.NO_KEY] == order[4]
    assert tried[Purpose.WRONG_KEY] == order[5]


def test_a_public_operation_is_requested_without_a_key(contract: Contract) -> None:
    public = [one.id for one in contract.reads if one.is_public and one.api == "v1"]
    assert public
    calls = run(run_state(contract, *public[:1]))
    assert any(call.purpose is Purpose.NO_KEY for call in calls)


def test_operations_that_changed_or_wait_longest_come_first(contract: Contract) -> None:
    state = run_state(contract, "products.list", "plans.list", "payments.list", "reviews.list")
    state.past = {
        "reviews.list": OperationHistory(days=1.0, changes=2),
        "products.list": OperationHistory(days=9.0),
        "plans.list": OperationHistory(days=1.0),
        "payments.list": OperationHistory(days=1.0),
    }
    order = sorted(state.reads(), key=lambda operation: urgency(state, operation))
    assert [operation.id for operation in order] == ["reviews.list", "products.list", "payments.list", "plans.list"]


def test_operations_of_equal_urgency_change_their_order_with_the_seed(contract: Contract) -> None:
    orders = set()
    for seed in range(6):
        state = run_state(contract, "courses.list", "forums.list", "entries.list", seed=seed)
        orders.add(tuple(one.id for one in sorted(state.reads(), key=lambda one: urgency(state, one))))
    assert len(orders) > 1


def nothing(_: Call) -> tuple[object, int]:
    """Answer as an API without any object."""
    return {"error": {}}, 404


@pytest.mark.parametrize("edition", ["2025-01-01", "2026-10-15-1"])
def test_the_money_path_has_all_its_turns_before_the_others(edition: str) -> None:
    contract = load(edition)
    assert set(contract.behaviour.money_path) <= set(contract.resources)
    money = [one.id for one in contract.reads if one.resource in contract.behaviour.money_path and one.api == "v1"]
    state = RunState(contract, {*money, "courses.list", "reviews.list"})
    finished: list[str] = []
    for planned in plan(state):
        if planned:
            drive(state, planned.experiment, nothing)
        finished += [id for id, kind in state.had_turn if kind == OTHER_CHECKS and id not in finished]

    assert set(finished[: len(money)]) == set(money)
    assert set(money) <= {id for id, kind in state.had_turn if kind == AUTHENTICATION}


def test_every_operation_has_had_every_turn_when_the_plan_ends(contract: Contract) -> None:
    state = RunState(contract, set(reads(contract)))
    for planned in plan(state):
        if planned:
            drive(state, planned.experiment, nothing)
    assert {(id, kind) for id in reads(contract) for kind in (AUTHENTICATION, REFUSALS, OTHER_CHECKS)} == state.had_turn
