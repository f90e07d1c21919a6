"""A run that left out selected operations is never clean."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.run.fake_api import FakeApi, error
from whopwatch.contract import Contract
from whopwatch.core.report import State, Verdict
from whopwatch.http import RunBudget
from whopwatch.run import INTERRUPTED, check, judge, observe
from whopwatch.run.conclude import NO_COMPANY
from whopwatch.simulator import embedded


@pytest.mark.parametrize("budget", [1, 10, 60])
def test_a_spent_budget_is_no_clean_run(contract: Contract, budget: int) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), budget=budget, transport=api.transport)
    assert report.count()[State.VERIFIED] > 0
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert (report.reason or "").startswith("the budget of ")


def test_a_budget_that_is_spent_on_more_than_one_look_is_clean(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), budget=120, transport=api.transport)
    assert report.count()[State.COULD_NOT_CHECK] == 0
    assert report.verdict is Verdict.CLEAN


def test_an_interrupted_run_reports_its_responses_and_is_not_clean(contract: Contract) -> None:
    api = FakeApi(contract)
    left = iter(range(5))

    def answer(request: httpx.Request) -> httpx.Response:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return api.transport.handle_request(request)

    report = check(contract, api.target(), transport=MockTransport(answer))
    assert report.count()[State.VERIFIED] > 0
    assert (report.verdict, report.reason) == (Verdict.COULD_NOT_CHECK, INTERRUPTED)


def test_a_run_at_its_time_limit_reports_its_responses_and_is_not_clean(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each response takes a tenth of a second, on the clock of the run."""
    api = FakeApi(contract)
    answered = itertools.count(1)
    latest = [0]

    def answer(request: httpx.Request) -> httpx.Response:
        latest[0] = next(answered)
        return api.transport.handle_request(request)

    monkeypatch.setattr(RunBudget, "seconds_left", property(lambda _: 2.0 - latest[0] / 10))
    observation = observe(contract, api.target(), transport=MockTransport(answer), max_seconds=2)
    report = judge(contract, observation, "fake")
    assert report.count()[State.VERIFIED] > 0
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.reason == "the time limit of 2 s was reached"


def test_what_a_run_created_is_deleted_after_its_time_limit(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds_left(budget: RunBudget) -> float:
        return math.inf if budget.unsafe < 3 else budget._ends - budget._clock()

    monkeypatch.setattr(RunBudget, "seconds_left", property(seconds_left))
    with embedded(contract) as simulator:
        writable = replace(simulator.target(), writable=True)
        selected = frozenset(id for id in contract.operations if id.startswith("products."))
        found = observe(contract, writable, selected=selected, writes=True, budget=1600, max_seconds=0.001)
    assert found.stopped == "the time limit of 0.001 s was reached"
    assert found.written is not None
    assert found.unsafe > 0
    assert found.written.left == {}


def test_without_the_companys_id_nothing_is_clean_and_the_reason_says_how_to_give_it(contract: Contract) -> None:
    api = FakeApi(contract, items=0)
    target = api.target(company_id=None)
    report = check(contract, target, resources=["products", "transfers"], transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "WHOP_COMPANY_ID" in (report.reason or "")
    assert {row.id: row.reason for row in report.operations}["products.list"] == NO_COMPANY


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_every_seed_learns_the_same_company(contract: Contract, seed: int) -> None:
    with embedded(contract) as simulator:
        target = replace(simulator.target(), company_id=None)
        report = check(contract, target, resources=["products", "messages"], seed=seed)
    assert report.verdict is Verdict.CLEAN
    assert {row.id: row.state for row in report.operations}["messages.list"] is State.VERIFIED


def test_the_company_is_learnt_from_what_the_key_can_list(contract: Contract) -> None:
    api = FakeApi(contract)
    target = api.target(company_id=None)
    report = check(contract, target, resources=["products"], transport=api.transport)
    assert report.verdict is Verdict.CLEAN
    assert report.count()[State.VERIFIED] == 2


def test_reasons_that_differ_in_a_name_are_one_group(contract: Contract) -> None:
    api = FakeApi(contract, items=0)
    report = check(contract, api.target(), transport=api.transport)
    without_id = [row for row in report.operations if row.reason and "no list returned an id of" in row.reason]
    assert len({row.reason for row in without_id}) > 20
    assert len({row.reason_group for row in without_id}) == 1


def test_a_key_without_scopes_is_one_group_and_each_operation_names_its_own(contract: Contract) -> None:
    api = FakeApi(contract, fault=lambda *_: error(403, "forbidden"))
    report = check(contract, api.target(), transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    refused = [row for row in report.operations if row.requests]
    assert len({row.reason for row in refused}) > 5
    assert len({row.reason_group for row in refused if row.reason_group}) == 1


def test_a_page_of_html_is_the_reason_of_every_operation(contract: Contract) -> None:
    page = MockTransport(lambda _: httpx.Response(404, html="<html></html>"))
    report = check(contract, FakeApi(contract).target(), transport=page)
    reads = {row.reason for row in report.operations if row.state is State.COULD_NOT_CHECK}
    assert reads == {report.reason}
    assert "HTML" in (report.reason or "")
