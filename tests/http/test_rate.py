"""Token buckets."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.support import Time
from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.http.limits import DOCUMENTED_RATE, Limits, Pacer, Rate, Repeats, RunBudget


def pacer(rate: Rate | None, overall: Rate | None = None) -> tuple[Pacer, Time]:
    time = Time()
    return Pacer(rate, overall, time, time.sleep), time


def test_no_minute_has_more_than_the_documented_600_requests() -> None:
    paced, time = pacer(DOCUMENTED_RATE)
    left = []
    for _ in range(3000):
        paced.wait("products.list")
        left.append(time.now)
    most = max(bisect_left(left, at + 60.0) - index for index, at in enumerate(left))
    assert 590 <= most <= 600


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.integers(1, 20), st.floats(0.1, 20))
def test_no_window_has_more_than_burst_and_rate_allow(pauses: list[float], burst: int, rate: float) -> None:
    paced, time = pacer(Rate(burst, rate))
    left = []
    for pause in pauses:
        time.now += pause
        paced.wait("a")
        left.append(time.now)
    for begin, at in enumerate(left):
        for end in range(begin, len(left)):
            assert end - begin + 1 <= burst + rate * (left[end] - at) + 1e-6


def test_one_operation_does_not_wait_for_another() -> None:
    paced, time = pacer(Rate(burst=1, per_second=0.1))
    paced.wait("a")
    paced.wait("b")
    assert time.slept == []
    paced.wait("a")
    assert time.slept == [pytest.approx(10.0)]


def test_a_held_operation_waits_and_the_others_do_not() -> None:
    paced, time = pacer(None)
    paced.hold("a", 7.0)
    paced.hold("a", 3.0)
    paced.wait("b")
    assert time.slept == []
    paced.wait("a")
    assert time.slept == [pytest.approx(7.0)]
    paced.wait("a")
    assert len(time.slept) == 1


def test_the_overall_rate_spaces_the_requests_of_all_operations() -> None:
    paced, time = pacer(None, Rate(burst=1, per_second=5.0))
    for operation in "abcdef":
        paced.wait(operation)
    assert time.now == pytest.approx(1001.0)


def test_a_wait_for_one_operation_uses_up_no_overall_time_of_another() -> None:
    paced, time = pacer(None, Rate(burst=1, per_second=5.0))
    paced.wait("a")
    time.now += 100.0
    paced.wait("b")
    assert time.slept == []


def test_a_server_that_finds_every_pace_too_fast_gets_one_request_a_second() -> None:
    paced, time = pacer(None, overall=Rate(burst=1, per_second=4.0))
    for _ in range(4):
        paced.wait("a")
        paced.slow_down()
    assert time.slept == [pytest.approx(seconds) for seconds in (0.25, 0.5, 1.0)]
    slow, time = pacer(None, overall=Rate(burst=1, per_second=0.1))
    slow.wait("a")
    slow.slow_down()
    slow.wait("b")
    slow.wait("c")
    assert time.slept == [pytest.approx(10.0), pytest.approx(10.0)]
    pacer(Rate(1, 1.0))[0].slow_down()  # without a common rate there is nothing to halve


def test_a_held_operation_waits_for_its_hold_and_not_for_its_rate() -> None:
    paced, time = pacer(Rate(burst=1, per_second=1.0))
    paced.wait("a")
    paced.hold("a", 5.0)
    paced.wait("a")
    paced.wait("a")
    assert time.slept == [pytest.approx(5.0), pytest.approx(1.0)]


def attempt(status: int | None = None, failure: Failure | None = None, operation: str = "a.list") -> Exchange:
    return Exchange(operation, Purpose.LIST, "GET", "", status=status, failure=failure)


def test_a_failed_read_is_repeated_until_its_failure_returns() -> None:
    repeats = Repeats()
    assert not repeats.allow([attempt(404)])
    assert repeats.allow([attempt(500)])
    assert repeats.allow([attempt(500), attempt(502)])
    assert not repeats.allow([attempt(500), attempt(502), attempt(500)])
    assert not repeats.allow([attempt(500)])  # that failure of this operation is known
    assert repeats.allow([attempt(502)])
    assert repeats.allow([attempt(500, operation="b.list")])


def test_a_run_repeats_at_most_ten_reads() -> None:
    repeats = Repeats()
    allowed = [repeats.allow([attempt(failure=Failure.RESET, operation=str(number))]) for number in range(12)]
    assert allowed == [True] * 10 + [False] * 2


def test_a_client_has_these_limits_unless_others_are_given() -> None:
    limits = Limits()
    assert (limits.body_bytes, limits.header_bytes, limits.header_count) == (8_388_608, 32_768, 128)
    assert (limits.retries, limits.rate) == (2, Rate(120, 8.0))


@pytest.mark.parametrize(("budget", "mebibytes"), [(1, 64), (585, 64), (600, 65), (6000, 656)])
def test_the_weight_of_all_responses_grows_with_the_budget(budget: int, mebibytes: int) -> None:
    assert RunBudget(budget).weight_limit >> 20 == mebibytes


def test_a_run_is_late_when_its_time_is_over() -> None:
    now = 0.0
    budget = RunBudget(5, 10.0, clock=lambda: now)
    assert (budget.seconds_left, budget.why_late()) == (10.0, None)
    now = 10.0
    assert budget.why_late() == "the time limit of 10 s was reached"
    assert RunBudget(5).why_late() is None
