"""No value of a response ends a run: an error in a step is noted, and all other steps run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.planning.support import ProductList, drive, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.planning import schedule
from whopwatch.planning.follow_ups import repeat_suspected
from whopwatch.planning.schedule import plan
from whopwatch.planning.state import Experiment, RunState, StepFailure
from whopwatch.planning.writes import WriteState, plan_cleanup, plan_writes

HUGE, LATE, HALF = int("9" * 309), "99999-01-01T00:00:00.000Z", "\ud800"
FUZZ: list[dict[str, Any]] = [
    {"member_count": HUGE}, {"member_count": -HUGE}, {"member_count": 1e308}, {"created_at": LATE},
    {"created_at": "9999-12-31T23:59:59.999Z"}, {"created_at": "0001-01-01T00:00:00Z"}, {"created_at": HUGE},
    {"created_at": None}, {"id": "x" * 200_000}, {"id": HUGE}, {"id": "../x"}, {"id": "a;b%2f"}, {"id": ""},
    {"product_type": ["app"]}, {"product_type": {"a": 1}}, {"product_type": HUGE}, {"visibility": "x" * 200_000},
    {"visibility": True}, {"created_at": "２０２６-01-01T00:00:00Z"}, {"created_at": "2026-01-01T00:00:00+99:99"},
]  # fmt: skip


def fails(state: RunState, operation: object) -> Experiment:
    raise OverflowError
    yield


def run(state: RunState, api: Any) -> list[Call]:
    return [call for planned in plan(state) if planned for call in drive(state, planned.experiment, api)]


def test_a_step_that_raises_is_noted_and_the_others_run(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "BY_PRIORITY", (fails, *schedule.BY_PRIORITY))
    state = run_state(contract, "products.list")
    calls = run(state, ProductList(30))
    assert state.failures == [StepFailure("fails", "products.list", "OverflowError")]
    assert {call.purpose for call in calls} >= {Purpose.LIST, Purpose.QUERY, Purpose.NO_KEY, Purpose.INVALID_SIZE}
    assert state.reached


def test_reaching_that_raises_does_not_end_the_plan(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(state: RunState) -> Any:
        raise RecursionError
        yield

    monkeypatch.setattr(schedule, "reach_operations", broken)
    state = run_state(contract, "products.list")
    assert run(state, ProductList(3)) == []
    assert state.failures == [StepFailure("reach_operations", "", "RecursionError")]
    assert state.reached


def test_an_interruption_is_not_a_failure_of_a_step(contract: Contract) -> None:
    state = run_state(contract, "products.list")
    with pytest.raises(KeyboardInterrupt), state.isolated("x"):
        raise KeyboardInterrupt
    assert state.failures == []


def test_ids_that_cannot_be_collected_are_noted(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    state = run_state(contract, "products.list", "products.retrieve")

    def broken(*_: object, **__: object) -> None:
        raise ValueError

    monkeypatch.setattr(state.pool, "add", broken)
    run(state, ProductList(3))
    assert StepFailure("collect_ids", "products.list", "ValueError") in state.failures


def test_writes_and_their_cleanup_are_isolated(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = WriteState(run_state(contract), "mark-", is_simulated=True)
    monkeypatch.setattr(writing.bodies, "minimal", lambda operation: 1 / 0)
    writing.created = {"promo_codes": ["promo_1"]}
    steps = [*plan_writes(writing, ["promo_codes.create"]), *plan_cleanup(writing)]
    calls = [call for step in steps for call in drive(writing.state, step, lambda call: ({}, 200))]
    assert [one.step for one in writing.state.failures] == ["lifecycle of promo_codes"]
    assert calls[-1].operation.id == "promo_codes.delete"


@pytest.mark.parametrize(
    "values", FUZZ, ids=lambda values: f"{next(iter(values))}={str(next(iter(values.values())))[:24]}"
)
def test_no_value_of_an_item_makes_a_step_fail(contract: Contract, values: dict[str, Any]) -> None:
    api = ProductList(30)

    def fuzzed(call: Call) -> tuple[Any, int]:
        body, status = api(call)
        if call.operation.id != "products.list":
            return {"id": "prod_1", **values}, status
        items = body.get("data", [])
        items[::3] = [{**item, **values} for item in items[::3]]
        return body, status

    state = run_state(contract, "products.list", "products.retrieve", "plans.list", budget=200)
    calls = run(state, fuzzed)
    list(repeat_suspected(state, ["products.list", "products.retrieve"]))
    assert state.failures == []
    assert len(calls) > 10
    assert all(
        len(value) < 3000 for call in calls for value in (*call.path_params.values(), *dict(call.query).values())
    )


def test_half_a_character_is_no_value(contract: Contract) -> None:
    body = json.dumps({"id": HALF}).encode()
    exchange = Exchange("products.retrieve", Purpose.RETRIEVE, "GET", "", status=200, body=body)
    assert exchange.json is None
