"""The timer of an attempt: its phases and its deadline, with a clock of its own."""

from __future__ import annotations

import pytest

from tests.http.support import Time
from whopwatch.core.exchange import Phases
from whopwatch.http.timing import AttemptTimer


@pytest.fixture
def time() -> Time:
    return Time()


def test_every_phase_has_its_share_of_the_total(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    timer.dns, timer.connect, timer.tls = 0.1, 0.2, 0.3
    time.now += 1.0
    timer.wrote(time.now - 0.25)
    time.now += 2.0
    timer.read(b"HTTP/1.1 200 OK")
    timer.headers_complete()
    time.now += 4.0
    phases = timer.phases()
    assert phases == Phases(dns=0.1, connect=0.2, tls=0.3, ttfb=2.25, transfer=4.0, total=7.0)


def test_phases_that_did_not_happen_are_none(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    time.now += 3.0
    assert timer.phases() == Phases(total=3.0)
    timer.read(b"x")
    assert timer.phases().ttfb == 3.0
    assert timer.phases().transfer is None, "the headers are not complete"


def test_the_deadline_counts_from_the_latest_start(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    time.now += 20.0
    assert timer.remaining == 10.0
    timer.start()
    assert timer.remaining == 30.0
    time.now += 31.0
    assert timer.remaining == -1.0


def test_a_new_start_forgets_the_earlier_attempt(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    timer.connect = 1.0
    timer.wrote(time.now)
    timer.read(b"")
    timer.in_body = True
    timer.start()
    left = [timer.was_written, timer.in_body, timer.received]
    assert not any(left)
    assert timer.phases() == Phases()


def test_a_reused_connection_without_a_byte_was_closed_by_the_server(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    assert not timer.met_a_closed_connection
    timer.wrote(time.now)
    assert timer.met_a_closed_connection
    timer.connect = 0.1
    assert not timer.met_a_closed_connection
    timer.connect = None
    timer.read(b"H")
    assert not timer.met_a_closed_connection


def test_bytes_are_counted_from_the_last_write(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    timer.read(b"abc")
    assert timer.received == 3
    timer.wrote(time.now)
    assert timer.received == 0
    timer.read(b"de")
    timer.read(b"f")
    assert timer.received == 3


def test_headers_without_a_read_count_as_the_first_byte(time: Time) -> None:
    timer = AttemptTimer(time, 30.0)
    timer.wrote(time.now)
    time.now += 1.0
    timer.headers_complete()
    time.now += 2.0
    assert (timer.phases().ttfb, timer.phases().transfer) == (1.0, 2.0)
