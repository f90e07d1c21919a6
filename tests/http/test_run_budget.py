"""The limits of a run: time, and a number of requests that several processes share."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.http.mock import MockTransport
from whopwatch.config import Target
from whopwatch.contract import load
from whopwatch.core.errors import BudgetExhaustedError, TimeLimitReachedError
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call, Client, RunBudget, SharedBudget

CALL = Call(load().operation("products.list"), Purpose.LIST, query=(("company_id", "biz_1"),))
TARGET = Target("fake", "http://127.0.0.1:1/api/v1", "http://127.0.0.1:1/api/v2")


class Time:
    """A clock that a sleep, or a slow server, moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def client(time: Time, handler: MockTransport, seconds: float | None, seen: list[Exchange] | None = None) -> Client:
    budget = RunBudget(100, seconds, clock=lambda: time.now)
    return Client(
        TARGET,
        load(),
        budget=budget,
        transport=handler,
        on_exchange=seen.append if seen is not None else None,
        clock=lambda: time.now,
        sleep=time.sleep,
    )


def test_no_request_starts_after_the_time_limit() -> None:
    time = Time()

    def slow(_: httpx.Request) -> httpx.Response:
        time.now += 4
        return httpx.Response(200, json={"data": []})

    with client(time, MockTransport(slow), 10) as sender:
        for _ in range(3):
            sender.send(CALL)
        with pytest.raises(TimeLimitReachedError, match="time limit of 10 s"):
            sender.send(CALL)
        assert sender.sent == 3
        sender.run_budget.extend(10)
        sender.send(CALL)


def test_a_request_that_the_time_limit_ends_is_no_failure_of_the_target() -> None:
    time = Time()

    def silent(_: httpx.Request) -> httpx.Response:
        time.now += 9
        raise httpx.ReadTimeout("")

    seen: list[Exchange] = []
    with client(time, MockTransport(silent), 8, seen) as sender:
        with pytest.raises(TimeLimitReachedError):
            sender.send(CALL)
        assert seen == []


def test_the_time_limit_ends_a_run_at_its_last_moment() -> None:
    time = Time()
    budget = RunBudget(2, 8.0, clock=lambda: time.now)
    sleep = budget.limited(time.sleep)
    sleep(7.0)
    budget.check()
    assert budget.why_late() is None
    with pytest.raises(TimeLimitReachedError):
        sleep(1.0)
    assert time.now == 7.0
    time.now = 8.0
    assert "time limit of 8 s" in (budget.why_late() or "")
    with pytest.raises(TimeLimitReachedError):
        budget.check()
    budget.extend(2.0)
    budget.check()
    budget.extend(1.0)
    assert budget.seconds_left == 2.0, "a shorter extension takes no time away"


def test_a_budget_is_used_up_by_its_last_request() -> None:
    budget = RunBudget(2)
    for left in (2, 1):
        assert budget.remaining == left
        budget.check()
        budget.spend(CALL.operation)
    for use in (budget.check, lambda: budget.spend(CALL.operation)):
        with pytest.raises(BudgetExhaustedError, match="The budget of 2 requests is used up"):
            use()
    assert (budget.sent, budget.remaining, budget.unsafe) == (2, 0, 0)


def test_a_wait_beyond_the_time_limit_is_not_waited() -> None:
    time = Time()
    limited = MockTransport(lambda _: httpx.Response(429, headers={"retry-after": "30"}, json={}))
    with client(time, limited, 20) as sender:
        assert sender.send(CALL).status == 429
        assert (time.now, sender.sent) == (0.0, 1)


def test_a_target_that_only_says_retry_after_costs_a_minute() -> None:
    time = Time()
    limited = MockTransport(lambda _: httpx.Response(429, headers={"retry-after": "59"}, json={}))
    with client(time, limited, None) as sender:
        for _ in range(8):
            sender.send(CALL)
    assert time.now == 59


def test_a_target_that_did_respond_is_waited_for_longer() -> None:
    time = Time()
    statuses = iter([200, *[429] * 6])
    mixed = MockTransport(lambda _: httpx.Response(next(statuses), headers={"retry-after": "50"}, json={}))
    with client(time, mixed, None) as sender:
        sender.send(CALL)
        for _ in range(2):
            sender.send(CALL)
    assert time.now > 60


def _take(path: Path) -> int:
    shared = SharedBudget(path, 60)
    return sum(shared.take()[0] for _ in range(40))


def test_processes_share_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "sent"
    with ProcessPoolExecutor(3) as pool:
        taken = list(pool.map(_take, [path] * 3))
    assert sum(taken) == 60
    assert SharedBudget(path, 60).sent == 60


def test_what_is_given_back_can_be_taken_again(tmp_path: Path) -> None:
    shared = SharedBudget(tmp_path / "sent", 10)
    assert shared.take(30) == (10, 10)
    assert shared.take(-4) == (-4, 6)
    assert shared.take(-30) == (-6, 0)
    assert shared.remaining == 10


def test_a_client_stops_where_the_shared_budget_ends(tmp_path: Path) -> None:
    shared = SharedBudget(tmp_path / "sent", 3)
    shared.take(2)
    fine = MockTransport(lambda _: httpx.Response(200, json={"data": []}))
    with Client(TARGET, load(), budget=RunBudget(100, shared=shared), transport=fine) as sender:
        sender.send(CALL)
        assert sender.remaining == 0
        with pytest.raises(BudgetExhaustedError, match="budget of 3 requests"):
            sender.send(CALL)
        assert (sender.sent, shared.sent) == (1, 3)
