"""Rounds of requests: which experiments wait, and which overtake them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from tests.planning.support import answer, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.planning.state import Experiment, PlannedExperiment, RunState, isolated_experiment
from whopwatch.run import driving


def experiment(state: RunState, id: str, requests: int, begun: list[str] | None = None) -> PlannedExperiment:
    """Return an experiment that sends some requests of an operation and notes that it began."""
    operation = state.contract.operations[id]

    def calls() -> Experiment:
        if begun is not None:
            begun.append(id)
        for _ in range(requests):
            yield Call(operation, Purpose.LIST)

    return PlannedExperiment(isolated_experiment(state, "calls", operation, calls()), operation.resource)


def rounds_of(state: RunState, plan: Iterable[PlannedExperiment | None]) -> list[list[str]]:
    """Drive a plan, three experiments at once; return the resources that each round requests."""
    rounds: list[list[str]] = []

    def send_round(calls: Sequence[Call]) -> list[Exchange | None]:
        rounds.append([call.operation.resource for call in calls])
        return [answer(call) for call in calls]

    driving.drive_in_rounds(iter(plan), state, send_round, lambda: 3, lambda in_progress: True)
    return rounds


def planned(state: RunState, *wanted: tuple[str, int] | None) -> list[PlannedExperiment | None]:
    return [experiment(state, *one) if one else None for one in wanted]


def test_an_experiment_whose_resource_is_in_use_waits_while_later_ones_begin(contract: Contract) -> None:
    state = run_state(contract)
    plan = planned(state, ("plans.list", 2), ("plans.retrieve", 1), ("products.list", 1), ("payments.list", 1))
    assert rounds_of(state, plan) == [["plans", "products", "payments"], ["plans"], ["plans"]]


def test_experiments_of_one_resource_keep_their_order(contract: Contract) -> None:
    state, begun = run_state(contract), list[str]()
    ids = ("plans.list", "plans.retrieve", "products.list", "plans.list", "products.retrieve")
    rounds_of(state, [experiment(state, id, 1, begun) for id in ids])
    assert begun == ["plans.list", "products.list", "plans.retrieve", "products.retrieve", "plans.list"]


def test_nothing_passes_a_stage_whose_experiments_have_not_ended(contract: Contract) -> None:
    state = run_state(contract)
    plan = planned(state, ("plans.list", 1), ("plans.retrieve", 2), None, ("products.list", 1))
    assert rounds_of(state, plan) == [["plans"], ["plans"], ["plans"], ["products"]]


def test_no_more_than_some_experiments_wait(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "MOST_WAITING", 1)
    state = run_state(contract)
    plan = planned(state, ("plans.list", 1), ("plans.list", 1), ("products.list", 1), ("payments.list", 1))
    assert rounds_of(state, plan) == [["plans"], ["plans", "products", "payments"]]


def test_experiments_without_a_request_do_not_end_the_run(contract: Contract) -> None:
    state = run_state(contract)
    plan = planned(state, ("plans.list", 0), ("plans.list", 0), None, ("products.list", 0), None, ("payments.list", 1))
    assert rounds_of(state, plan) == [["payments"]]
