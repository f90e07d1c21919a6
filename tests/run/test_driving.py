"""Rounds of requests: which experiments wait, and which overtake them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from tests.planning.support import answer, page, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Failure, Purpose
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


def test_a_response_that_was_not_sent_ends_its_experiment_alone(contract: Contract) -> None:
    state, sent = run_state(contract), list[list[str]]()
    plan = planned(state, ("plans.list", 3), ("products.list", 2))

    def send_round(calls: Sequence[Call]) -> list[Exchange | None]:
        sent.append([call.operation.resource for call in calls])
        return [None if call.operation.resource == "plans" else answer(call) for call in calls]

    driving.drive_in_rounds(iter(plan), state, send_round, lambda: 3, lambda in_progress: True)
    assert sent == [["plans", "products"], ["products"]]


def test_no_experiment_starts_once_none_may(contract: Contract) -> None:
    state, asked, sent = run_state(contract), list[int](), list[list[str]]()
    plan = planned(state, ("plans.list", 2), ("products.list", 1), ("payments.list", 1), ("members.list", 1))

    def may_start(in_progress: int) -> bool:
        asked.append(in_progress)
        return len(asked) < 3

    def send_round(calls: Sequence[Call]) -> list[Exchange | None]:
        sent.append([call.operation.resource for call in calls])
        return [answer(call) for call in calls]

    driving.drive_in_rounds(iter(plan), state, send_round, lambda: 2, may_start)
    assert asked == [0, 1, 1]
    assert sent == [["plans", "products"], ["plans"]]


def test_one_experiment_ends_with_the_first_request_that_is_not_sent(contract: Contract) -> None:
    state, asked = run_state(contract), list[Call]()

    def ask(call: Call) -> Exchange | None:
        asked.append(call)
        return answer(call) if len(asked) < 2 else None

    driving.drive(experiment(state, "plans.list", 9).experiment, ask)
    assert len(asked) == 2
    asked.clear()
    driving.drive(experiment(state, "plans.list", 0).experiment, ask)
    assert asked == []


def listed(call: Call) -> Exchange:
    """Return two items of a list, or the object that was requested."""
    if call.operation.is_list:
        return answer(call, page([f"{call.operation.resource}_1", f"{call.operation.resource}_2"]))
    return answer(call, {"id": call.path_params["id"]})


def test_each_operation_is_requested_once_with_ids_of_other_responses(contract: Contract) -> None:
    state = run_state(contract, "products.retrieve", "plans.list", "payments.list_fees")
    sent: list[Call] = []

    def send(call: Call) -> Exchange:
        sent.append(call)
        return listed(call)

    driving.reach(state, send, lambda: False)
    assert sorted((call.operation.id, call.path_params.get("id", "")[:9]) for call in sent) == [
        ("payments.list", ""),
        ("payments.list_fees", "payments_"),
        ("plans.list", ""),
        ("products.list", ""),
        ("products.retrieve", "products_"),
    ]
    assert list(state.traces) == [call.operation.id for call in sent]
    again = run_state(contract, "products.retrieve", "plans.list")
    sent.clear()
    driving.reach(again, send, lambda: len(sent) == 1)
    assert [call.operation.id for call in sent] == ["plans.list"]


@pytest.mark.parametrize("most", range(1, 6))
def test_requests_for_each_operation_end_after_the_one_that_ends_the_run(contract: Contract, most: int) -> None:
    """The response to the last request is kept, and no experiment goes on or begins after it."""
    state, sent = run_state(contract, "products.retrieve", "plans.list", "payments.list_fees"), list[str]()

    def send(call: Call) -> Exchange:
        sent.append(call.operation.id)
        return answer(call, status=404) if call.operation.id == "payments.list_fees" else listed(call)

    driving.reach(state, send, lambda: len(sent) >= most)
    assert len(sent) == most
    assert list(state.traces) == list(dict.fromkeys(sent))


def first_round(contract: Contract, *found: tuple[str, list[str], dict[str, str]]) -> list[Exchange]:
    """Return the pages that a single round of probes saw."""
    return [
        answer(Call(contract.operation(id), Purpose.LIST, path_params=path, query=(("first", "1"),)), page(ids))
        for id, ids, path in found
    ]


def test_operations_without_data_are_requested_again_with_other_parents(contract: Contract) -> None:
    begun = first_round(
        contract, ("payments.list", ["pay_1", "pay_2"], {}), ("payments.list_fees", [], {"id": "pay_1"})
    )
    sent: list[tuple[str, str]] = []

    def send(call: Call) -> Exchange | None:
        sent.append((call.operation.id, call.path_params.get("id", "")))
        return listed(call)

    selected = {"payments.list", "payments.list_fees", "plans.retrieve"}
    driving.complete_round(contract, selected, {"plans": "plan_9"}, begun, send)
    assert sent == [("payments.list_fees", "pay_2"), ("plans.retrieve", "plan_9")]


def test_nothing_is_requested_after_a_round_without_a_usable_response(contract: Contract) -> None:
    operation = contract.operation("payments.list")
    failed = Exchange(operation.id, Purpose.LIST, "GET", "", failure=Failure.CONNECT)
    sent: list[Call] = []

    def send(call: Call) -> Exchange | None:
        sent.append(call)
        return Exchange(call.operation.id, call.purpose, "GET", "", failure=Failure.CONNECT)

    driving.complete_round(contract, {"plans.retrieve"}, {"plans": "plan_9"}, [failed], send)
    assert sent == []
    begun = first_round(contract, ("payments.list", ["pay_1"], {}))
    ids = [f"{name}.list" for name in ("plans", "products", "members", "refunds", "disputes", "apps", "leads")]
    driving.complete_round(contract, ids, {}, begun, send)
    assert len(sent) == 4  # the connection is lost


def test_a_request_that_is_not_sent_counts_as_not_found(contract: Contract) -> None:
    begun = first_round(contract, ("payments.list", ["pay_1", "pay_2"], {}))
    tried: list[str] = []

    def send(call: Call) -> Exchange | None:
        tried.append(call.path_params.get("id", ""))
        return None

    driving.complete_round(contract, {"payments.list_fees"}, {}, begun, send)
    assert {"pay_1", "pay_2"} <= set(tried)
