"""Token buckets."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.support import Time
from whopwatch.http.limits import DOCUMENTED_RATE, Pacer, Rate


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
@settings(deadline=None)
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
