"""A whole check of a truthful API: everything verified, nothing found, the same each time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.run.fake_api import COMPANY, FakeApi
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import Report, State, Verdict
from whopwatch.run import Progress, check, judge, observe, select_operations

REACHES_ALL = 160
"""Requests that reach every read, and some of the further experiments."""


def states(report: Report) -> dict[str, State]:
    return {operation.id: operation.state for operation in report.operations}


def reasons(report: Report) -> dict[str, str | None]:
    return {operation.id: operation.reason for operation in report.operations}


def test_every_read_is_verified_and_every_write_is_said_to_be_not_covered(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), transport=api.transport)
    assert report.findings == ()
    assert report.verdict is Verdict.CLEAN
    assert report.count() == {State.VERIFIED: 79, State.NOT_COVERED: 70}
    assert set(api.requests) == {"GET"}
    assert report.unsafe == 0
    assert report.sent == sum(api.requests.values()) <= report.budget
    assert sum(report.to_json()["spent"].values()) == report.sent
    assert sum(operation.requests for operation in report.operations) == report.sent
    verified = [operation for operation in report.operations if operation.state is State.VERIFIED]
    assert all(operation.samples and operation.latency is not None for operation in verified)


def test_the_same_seed_sends_the_same_requests_and_another_seed_others(contract: Contract) -> None:
    logs = []
    for seed in (1, 1, 2):
        api = FakeApi(contract)
        check(contract, api.target(), seed=seed, budget=REACHES_ALL, transport=api.transport)
        logs.append(api.log)
    assert logs[0] == logs[1] != logs[2]


def test_without_a_company_id_one_is_learnt_from_what_is_seen(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(company_id=None), budget=REACHES_ALL, transport=api.transport)
    assert report.count()[State.VERIFIED] == 79
    assert any(f"company_id={COMPANY}" in url for url in api.log)


def test_progress_ends_with_all_operations_done(contract: Contract) -> None:
    api = FakeApi(contract)
    seen: list[Progress] = []
    report = check(contract, api.target(), budget=REACHES_ALL, transport=api.transport, progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (79, 79)
    assert seen[-1].sent == report.sent == len(seen)
    assert seen[-1].budget == report.budget


def test_a_budget_is_never_exceeded_and_what_it_did_not_reach_is_not_verified(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), budget=45, transport=api.transport)
    kept = 2  # a twentieth, to repeat requests before a finding
    assert report.sent == 45 - kept == sum(api.requests.values())
    assert report.count()[State.VERIFIED] == 45 - kept
    late = [reason for reason in reasons(report).values() if reason and "budget of 45" in reason]
    assert len(late) == report.count()[State.COULD_NOT_CHECK] == 79 - 45 + kept


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 79, 120])
def test_any_budget_leaves_every_operation_accounted_for(contract: Contract, budget: int) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), budget=budget, transport=api.transport)
    assert report.sent <= budget
    assert len(report.operations) == 149
    assert report.verdict is (Verdict.CLEAN if budget == 120 else Verdict.COULD_NOT_CHECK)
    assert all(row.reason for row in report.operations if row.state is not State.VERIFIED)


def test_only_one_operation_asks_for_no_more_than_it_needs(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), only=["reviews.retrieve"], transport=api.transport)
    assert states(report)["reviews.retrieve"] is State.VERIFIED
    assert reasons(report)["reviews.list"] == "not selected"
    assert report.count()[State.VERIFIED] == 1
    # products.list and reviews.list on the way; the review, without and with a wrong key, unknown, malformed; others
    assert [url.partition("/api/v1/")[2].partition("/")[0].partition("?")[0] for url in api.log][:2] == [
        "products",
        "reviews",
    ]
    assert set(report.to_json()["spent"]) == {"list", "retrieve", "no-key", "wrong-key", "unknown-id", "malformed-id"}
    assert report.verdict is Verdict.CLEAN


def test_a_resource_selects_all_its_operations(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), resources=["payments"], transport=api.transport)
    verified = {id for id, state in states(report).items() if state is State.VERIFIED}
    assert verified == {"payments.list", "payments.retrieve", "payments.list_fees"}


def test_v2_is_checked_where_it_is_named_and_accounted_for_only_there(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), only=["v2.plans.retrieve"], transport=api.transport)
    assert states(report)["v2.plans.retrieve"] is State.VERIFIED
    assert len(report.operations) == 150


@pytest.mark.parametrize(
    ("only", "resources", "suggestion"),
    [(["product.list"], [], "products.list"), ([], ["product"], "products")],
)
def test_an_unknown_name_is_a_usage_error_with_a_suggestion(
    contract: Contract, only: list[str], resources: list[str], suggestion: str
) -> None:
    with pytest.raises(UsageError, match=suggestion):
        select_operations(contract, only, resources)


def test_a_selection_without_reads_verifies_nothing(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(), only=["topups.create"], transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.sent == 0
    assert "no operation that can be checked" in (report.reason or "")


def test_an_observation_can_be_judged_again_from_its_exchanges_alone(contract: Contract) -> None:
    api = FakeApi(contract)
    observation = observe(contract, api.target(), budget=REACHES_ALL, transport=api.transport)
    again = replace(observation, findings=None)
    assert judge(contract, again, "fake") == judge(contract, observation, "fake")
    assert all(isinstance(exchange, Exchange) for exchange in observation.exchanges)
