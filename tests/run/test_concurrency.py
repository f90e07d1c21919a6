"""Requests of a run do not depend on how many are on their way at once, or on the order of the responses."""

from __future__ import annotations

import _thread
import random
import signal
import threading
import time
from dataclasses import replace

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.core.report import Report, State, Verdict
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse
from whopwatch.run import INTERRUPTED, check
from whopwatch.simulator.backend import SimulatorOptions


class Shuffled(InProcess):
    """A simulator whose responses take a random time, so that they arrive in another order than the requests."""

    def __init__(self, contract: Contract, seed: int) -> None:
        super().__init__(contract, SimulatorOptions(seed=seed, items=20, rate_limit=10**9))
        self._random = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()
        self.in_flight = self.most_in_flight = 0
        self.sent: list[str] = []

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        with self._lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            wait = self._random.random() / 200
        time.sleep(wait)
        with self._lock:
            self.sent.append(request.url)
            response = super().send(request, timer)
            self.in_flight -= 1
        return response


def run(contract: Contract, seed: int, concurrency: int, fault: str | None = None) -> tuple[Report, Shuffled]:
    server = Shuffled(contract, seed)
    server.backend.faults.switch([fault] if fault else [])
    target = replace(server.target(), concurrency=concurrency)
    resources = ("products", "plans", "payments", "memberships", "courses", "companies")
    return check(contract, target, resources=resources, budget=150, seed=seed, transport=server), server


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_sends_the_same_requests_at_any_concurrency(contract: Contract, seed: int) -> None:
    (one, serial), (many, parallel) = (run(contract, seed, concurrency) for concurrency in (1, 8))
    assert serial.most_in_flight == 1
    assert parallel.most_in_flight > 4
    assert sorted(parallel.sent) == sorted(serial.sent)
    assert (many.verdict, many.findings, many.sent) == (one.verdict, one.findings, one.sent)
    assert one.findings == ()


@pytest.mark.parametrize("fault", ["page-repeats@products.list", "null-field@products.retrieve"])
def test_a_fault_gives_the_same_findings_at_any_concurrency(contract: Contract, fault: str) -> None:
    one, many = (run(contract, 3, concurrency, fault)[0] for concurrency in (1, 8))
    assert one.findings
    assert [finding.fingerprint for finding in many.findings] == [finding.fingerprint for finding in one.findings]


def test_a_run_that_is_interrupted_keeps_what_was_answered(contract: Contract) -> None:
    class Interrupting(Shuffled):
        first = threading.Lock()

        def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
            response = super().send(request, timer)
            if len(self.sent) >= 30 and self.first.acquire(blocking=False):  # one thread of eight, and once
                _thread.interrupt_main()
            return response

    server = Interrupting(contract, 0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest ignores the signal
    try:
        report = check(contract, replace(server.target(), concurrency=8), transport=server)
    finally:
        signal.signal(signal.SIGINT, before)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.reason == INTERRUPTED
    assert 20 <= report.sent <= 60
    assert any(row.state is State.VERIFIED for row in report.operations)
