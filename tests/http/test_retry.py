"""Retry-After, and sending again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import sleep

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.support import Recorder, call, client, target
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Limits
from whopwatch.http.limits import retry_after, wait_until_reset

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


def answer(status: int, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={name.replace("_", "-"): text for name, text in headers.items()})


def exchange(**headers: str) -> Exchange:
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Exchange("products.list", Purpose.LIST, "GET", "", status=429, headers=named)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": " 12 "}, 12.0),
        ({"retry_after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": DATE}, 30.0),
        ({"retry_after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": DATE}, 0.0),
        ({"retry_after": "Thu, 01 Jan 1970 00:00:09 GMT"}, 9.0),
        ({}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "1.5"}, None),
        ({"retry_after": "٣"}, None),
        ({"retry_after": "Sat, 99 Nov 2026 10:00:30 GMT"}, None),
        ({"retry_after": "9" * 5000}, 999999999.0),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(exchange(**headers)) == seconds


@given(st.text(st.characters(max_codepoint=255)))
def test_no_retry_after_is_a_crash(text: str) -> None:
    seconds = retry_after(exchange(retry_after=text))
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_time_is_given_it(status: int) -> None:
    wire = Recorder(answer(status, retry_after="3"), answer(200))
    sender, time, seen = client(wire)
    assert sender.send(call()).status == 200
    assert time.slept == [pytest.approx(3.0)]
    assert [(attempt.attempt, attempt.status) for attempt in seen] == [(1, status), (2, 200)]
    assert sender.sent == 2


def test_a_storm_is_given_up_after_two_more_attempts_with_growing_waits() -> None:
    sender, time, seen = client(Recorder(answer(429)))
    last = sender.send(call())
    assert (last.status, last.attempt, len(seen), sender.sent) == (429, 3, 3, 3)
    assert time.slept == [pytest.approx(1.0), pytest.approx(2.0)]


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    sender, time, seen = client(Recorder(answer(429, retry_after="61")))
    assert sender.send(call()).status == 429
    assert len(seen) == 1
    assert time.slept == []


def test_the_next_call_of_the_operation_keeps_the_wait_and_others_do_not() -> None:
    wire = Recorder(answer(429, retry_after="40"), answer(200))
    sender, time, _ = client(wire, limits=Limits(retries=0))
    sender.send(call("products.list"))
    sender.send(call("plans.list"))
    assert time.slept == []
    sender.send(call("products.list"))
    assert time.slept == [pytest.approx(40.0)]


def test_all_waits_together_are_bounded() -> None:
    sender, time, _ = client(Recorder(answer(503, retry_after="50")), limits=Limits(total_wait=120.0))
    for _ in range(20):
        sender.send(call())
    assert sum(time.slept) <= 120.0


def test_every_second_response_is_429_without_retry_after() -> None:
    """The pauses are bounded, counted, and after the last of them no call is sent again."""
    wire = Recorder(*[answer(429), answer(200)] * 200)
    sender, time, seen = client(wire, budget=1000, limits=Limits(total_wait=120.0, rate=None))
    for _ in range(200):
        sender.send(call())
    assert sender.waited == sum(time.slept) == 120.0
    assert len(seen) == 200 + 120


def test_the_last_request_of_the_budget_is_not_sent_again() -> None:
    sender, time, seen = client(Recorder(answer(429, retry_after="1")), budget=1)
    assert sender.send(call()).status == 429
    assert (len(seen), sender.sent, time.slept) == (1, 1, [])


@pytest.mark.parametrize(
    "outcome",
    [answer(500), answer(502), answer(408), answer(302, location="/"), httpx.ReadTimeout(""), httpx.ReadError("")],
)
def test_nothing_else_is_sent_again(outcome: httpx.Response | Exception) -> None:
    sender, _, seen = client(Recorder(outcome))
    sender.send(call())
    assert len(seen) == sender.sent == 1


def test_a_target_with_a_rate_spaces_its_requests() -> None:
    sender, time, _ = client(target=target(rate=5.0))
    for operation in ("products.list", "plans.list", "apps.list"):
        sender.send(call(operation))
    assert time.slept == [pytest.approx(0.2), pytest.approx(0.2)]


@pytest.mark.parametrize(("status", "interval"), [(429, 0.4), (503, 0.2), (430, 0.2), (500, 0.2)])
def test_only_too_many_requests_halve_the_rate(status: int, interval: float) -> None:
    wire = Recorder(answer(status, retry_after="0"), answer(200))
    sender, time, _ = client(wire, target=target(rate=5.0))
    sender.send(call("products.list"))
    time.slept.clear()
    time.sleep(10.0)
    sender.send(call("plans.list"))
    sender.send(call("apps.list"))
    assert time.slept == [10.0, pytest.approx(interval)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit_remaining": "0", "ratelimit_reset": "7"}, 7.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1700000009"}, 9.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1600000009"}, 0.0),
        ({"ratelimit_remaining": "1", "ratelimit_reset": "7"}, 0.0),
        ({"ratelimit_remaining": "0"}, 0.0),
        ({"ratelimit_reset": "7"}, 0.0),
        ({"ratelimit_remaining": "-0", "ratelimit_reset": "7"}, 0.0),
    ],
)
def test_the_wait_until_a_spent_limit_is_reset(headers: dict[str, str], seconds: float) -> None:
    assert wait_until_reset(replace(exchange(**headers), started_at=1_700_000_000.0)) == seconds


def test_an_operation_without_requests_left_waits_for_the_reset_and_at_most_the_total_wait() -> None:
    wire = Recorder(answer(200, ratelimit_remaining="0", ratelimit_reset="1040"))
    sender, time, _ = client(wire, limits=Limits(total_wait=60.0, retry_wait=40.0))
    for _ in range(4):
        sender.send(call())
    assert time.slept == [pytest.approx(40.0), pytest.approx(20.0)]
    sender.send(call("plans.list"))
    assert len(time.slept) == 2


def test_waits_of_many_threads_are_all_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread may use the time that another one has just taken: each read and write of the sum is a switch."""
    sender, _, _ = client(Recorder(answer(200)), limits=Limits(total_wait=100.0, first_total_wait=100.0))
    taken: list[bool] = []

    class Switching(float):
        """A number whose arithmetic gives way to other threads, as the interpreter may at any bytecode."""

        def __sub__(self, other: float) -> Switching:
            sleep(0.0005)
            return Switching(float(self) - other)

    monkeypatch.setattr(sender, "_wait_left", Switching(100.0))
    with ThreadPoolExecutor(8) as threads:
        threads.map(lambda _: taken.append(sender._hold("products.list", 1.0)), range(150))
    assert taken.count(True) == 100
    assert sender.waited == 100.0
