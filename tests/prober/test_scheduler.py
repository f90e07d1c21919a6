"""The loop: one run of an operation at a time, no burst after a stall, every missed run counted."""

from __future__ import annotations

import threading

import pytest

from tests.prober.support import CONTRACT, Inline, Later, Time, count, page, probe, prober
from whopwatch.contract import Operation
from whopwatch.http.call import Call
from whopwatch.metrics import ProbeOutcome
from whopwatch.prober.probe_run import ProbeRunner
from whopwatch.prober.schedule import (
    RECHECKS,
    SLOTS_PER_ID_SEARCH,
    ProbeThreads,
    Scheduler,
    Timetable,
    workers_needed,
)
from whopwatch.prober.settings import Probe

NAMES = ("products.list", "plans.list", "payments.list", "members.list", "leads.list", "entries.list")


def empty(_: Call) -> tuple[int, object]:
    return page()  # type: ignore[return-value]


def down(_: Call) -> tuple[int, object]:
    return 500, {"error": {"type": "internal_server_error", "message": "no"}}


def advance(scheduler: Scheduler, time: Time, seconds: float, step: float = 0.05) -> None:
    """Run the loop for so many seconds."""
    end = time.now + seconds
    while time.now < end:
        while scheduler.step(time.now) == 0:
            pass
        time.now += step


def missed(scheduler: Scheduler, operation: str) -> float:
    value = scheduler.metrics.registry.get_sample_value("whop_prober_missed_runs_total", {"operation": operation})
    assert value is not None
    return value


def test_every_operation_runs_at_its_interval() -> None:
    time = Time()
    probes = [probe(name, interval=10.0) for name in NAMES]
    runner, _ = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time, pool=Inline())
    advance(scheduler, time, 100)
    for name in NAMES:
        assert 9 <= count(runner.metrics, name, ProbeOutcome.SUCCESS) <= 11
        assert missed(scheduler, name) == 0


def test_an_active_operation_is_not_started_again_but_counted() -> None:
    time, later = Time(), Later()
    probes = [probe("products.list", interval=10.0)]
    runner, sender = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time, pool=later)
    advance(scheduler, time, 35)
    assert len(later.kept) == 1
    assert missed(scheduler, "products.list") in (2, 3)
    later.run_all()
    advance(scheduler, time, 12)
    assert len(sender.calls) + len(later.kept) == 2


def test_there_are_enough_workers_when_every_probe_times_out() -> None:
    probes = [probe(operation.id, interval=10.0, timeout=2.0) for operation in CONTRACT.reads]
    timetable = Timetable({each.id: 10.0 for each in probes}, 0.0)
    due = []
    while timetable.next_due() < 200.0:
        due.append(timetable.next_due())
        timetable.take(due[-1])
    under_way = max(sum(start <= at < start + 2.0 for start in due) for at in due)
    assert under_way < workers_needed(probes) < 3 * under_way


def test_no_more_runs_at_a_time_than_workers() -> None:
    time, later = Time(), Later()
    probes = [probe(name, interval=10.0) for name in NAMES]
    runner, _ = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=2, clock=time, pool=later)
    advance(scheduler, time, 60)
    assert len(later.kept) == 2
    assert sum(missed(scheduler, name) for name in NAMES) == 0, "what waits for a worker is lost when one is free"
    later.run_all()
    advance(scheduler, time, 10)
    assert sum(missed(scheduler, name) for name in NAMES) >= 4 * 4


def test_after_a_stall_there_is_no_burst() -> None:
    time = Time()
    probes = [probe(operation.id, interval=10.0) for operation in runnable()]
    runner, sender = prober(empty, *probes, time=time)
    sender._seconds = 0.0
    scheduler = Scheduler(runner, runner.metrics, probes, workers=50, clock=time, pool=Inline())
    advance(scheduler, time, 20)
    before = len(sender.calls)
    time.now += 5.0
    advance(scheduler, time, 0.05, step=0.01)
    assert len(sender.calls) - before <= 6
    advance(scheduler, time, 20)
    assert len(sender.calls) - before > 1.5 * len(probes)


def runnable() -> list[Operation]:
    """Return lists that need no id but the company's."""
    return [operation for operation in CONTRACT.lists if {p.resources for p in operation.needed} <= {("companies",)}]


def test_a_failure_is_rechecked_soon_but_not_for_ever() -> None:
    time = Time()
    probes = [probe("products.list", interval=600.0, recheck=5.0)]
    runner, sender = prober(down, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time, pool=Inline())
    advance(scheduler, time, 1190)
    runs = len(sender.calls)
    assert 1 + RECHECKS <= runs <= 2 + RECHECKS
    assert count(runner.metrics, "products.list", ProbeOutcome.HTTP_ERROR) == runs, "every attempt is exported"


def test_rechecks_are_limited_when_every_operation_fails() -> None:
    time = Time()
    probes = [probe(operation.id, interval=60.0, recheck=1.0) for operation in runnable()]
    runner, sender = prober(down, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=50, clock=time, pool=Inline())
    advance(scheduler, time, 60)
    assert len(sender.calls) <= len(probes) + 60 + 6


def test_an_operation_without_an_id_runs_at_every_tenth_slot() -> None:
    time = Time()
    probes = [probe("products.retrieve", interval=10.0)]
    runner, sender = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time, pool=Inline())
    advance(scheduler, time, 10 * SLOTS_PER_ID_SEARCH * 3)
    assert 3 <= len(sender.calls) <= 5
    assert count(runner.metrics, "products.retrieve", ProbeOutcome.SKIPPED) == len(sender.calls)
    assert missed(scheduler, "products.retrieve") == 0


def test_an_error_in_a_run_is_counted_and_logged_and_the_loop_continues(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Call) -> tuple[int, object]:
        raise ValueError("a secret value")

    time = Time()
    probes = [probe("products.list", interval=10.0)]
    runner, _ = prober(broken, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time, pool=Inline())
    advance(scheduler, time, 25)
    assert count(runner.metrics, "products.list", ProbeOutcome.SKIPPED) >= 2
    assert "unexpected ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_stopping_ends_the_loop_after_the_active_runs() -> None:
    probes = [probe("products.list", interval=10.0)]
    runner, sender = prober(empty, *probes)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=1)
    scheduler.stop()
    scheduler.loop()
    assert scheduler.is_stopping
    assert sender.calls == []


class Calls:
    """Runs that end when the test says so, with the thread of each."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.entered = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def __call__(self, _: Probe, __: ProbeRunner) -> None:
        self.threads.append(threading.current_thread())
        self.entered.release()
        self.may_end.acquire()


def test_a_run_gets_a_thread_of_its_own_only_if_none_is_idle() -> None:
    probes = [probe("products.list")]
    runner, _ = prober(empty, *probes)
    pool, calls = ProbeThreads(), Calls()
    for _ in range(3):
        pool.submit(calls, probes[0], runner)
        calls.entered.acquire()
    assert len(set(calls.threads)) == 3, "three active runs need three threads"
    calls.may_end.release(3)
    while pool.idle < 3:
        threading.Event().wait(0.001)
    pool.submit(calls, probes[0], runner)
    calls.entered.acquire()
    assert len(set(calls.threads)) == 3, "a thread was started although three were idle"
    assert pool.idle == 2, "more than one thread left its rest for one run"
    calls.may_end.release()
    pool.shutdown(wait=True)
    assert not any(thread.is_alive() for thread in calls.threads)


def test_the_pool_ends_after_the_active_runs() -> None:
    probes = [probe("products.list")]
    runner, _ = prober(empty, *probes)
    pool, calls = ProbeThreads(), Calls()
    pool.submit(calls, probes[0], runner)
    calls.entered.acquire()
    pool.shutdown(wait=False)
    assert calls.threads[0].is_alive()
    calls.may_end.release()
    pool.shutdown(wait=True)
    assert not calls.threads[0].is_alive()
