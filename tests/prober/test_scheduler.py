"""The loop: one run of an operation at a time, no burst after a stall, every missed run counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.prober.support import CONTRACT, Time, count, page, probe, prober
from whopwatch.contract import Operation
from whopwatch.http.call import Call
from whopwatch.metrics import ProbeOutcome
from whopwatch.prober.schedule import (
    RECHECKS,
    SLOTS_PER_ID_SEARCH,
    WAITING,
    Run,
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


def advance(
    scheduler: Scheduler, time: Time, seconds: float, step: float = 0.05, make: Callable[[Run], object] | None = None
) -> None:
    """Handle the slots of so many seconds. `make` gets each run; by default it is made at once."""
    end = time.now + seconds
    while time.now < end:
        while (due := scheduler.step(time.now)) == time.now or isinstance(due, Run):
            if isinstance(due, Run):
                (make or scheduler.make)(due)
        time.now += step


def missed(scheduler: Scheduler, operation: str) -> float:
    value = scheduler.metrics.registry.get_sample_value("whop_prober_missed_runs_total", {"operation": operation})
    assert value is not None
    return value


def test_every_operation_runs_at_its_interval() -> None:
    time = Time()
    probes = [probe(name, interval=10.0) for name in NAMES]
    runner, _ = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time)
    advance(scheduler, time, 100)
    for name in NAMES:
        assert 9 <= count(runner.metrics, name, ProbeOutcome.SUCCESS) <= 11
        assert missed(scheduler, name) == 0


def test_an_active_operation_is_not_started_again_but_counted() -> None:
    time, active = Time(), list[Run]()
    probes = [probe("products.list", interval=10.0)]
    runner, _ = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time)
    advance(scheduler, time, 35, make=active.append)
    assert len(active) == 1
    assert missed(scheduler, "products.list") in (2, 3)
    scheduler.make(active.pop())
    advance(scheduler, time, 12, make=active.append)
    assert len(active) == 1


def test_there_are_enough_workers_when_every_probe_times_out() -> None:
    probes = [probe(operation.id, interval=10.0, timeout=2.0) for operation in CONTRACT.reads]
    timetable = Timetable({each.id: 10.0 for each in probes}, 0.0)
    due = []
    while timetable.next_due() < 200.0:
        due.append(timetable.next_due())
        timetable.take(due[-1])
    under_way = max(sum(start <= at < start + 2.0 for start in due) for at in due)
    assert under_way < workers_needed(probes) < 3 * under_way


def test_after_a_stall_there_is_no_burst() -> None:
    time = Time()
    probes = [probe(operation.id, interval=10.0) for operation in runnable()]
    runner, sender = prober(empty, *probes, time=time)
    sender._seconds = 0.0
    scheduler = Scheduler(runner, runner.metrics, probes, workers=50, clock=time)
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
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time)
    advance(scheduler, time, 1190)
    runs = len(sender.calls)
    assert 1 + RECHECKS <= runs <= 2 + RECHECKS
    assert count(runner.metrics, "products.list", ProbeOutcome.HTTP_ERROR) == runs, "every attempt is exported"


def test_rechecks_are_limited_when_every_operation_fails() -> None:
    time = Time()
    probes = [probe(operation.id, interval=60.0, recheck=1.0) for operation in runnable()]
    runner, sender = prober(down, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=50, clock=time)
    advance(scheduler, time, 60)
    assert len(sender.calls) <= len(probes) + 60 + 6


def test_an_operation_without_an_id_runs_at_every_tenth_slot() -> None:
    time = Time()
    probes = [probe("products.retrieve", interval=10.0)]
    runner, sender = prober(empty, *probes, time=time)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time)
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
    scheduler = Scheduler(runner, runner.metrics, probes, workers=4, clock=time)
    advance(scheduler, time, 25)
    assert count(runner.metrics, "products.list", ProbeOutcome.SKIPPED) >= 2
    assert "unexpected ValueError" in caplog.text
    assert "secret" not in caplog.text


class Held:
    """Responses of some operations, or of all, that wait until the test lets them go; and the threads of all runs."""

    def __init__(self, *slow: str) -> None:
        self._slow = slow or NAMES
        self.threads: list[threading.Thread] = []
        self.operations: list[str] = []
        self.entered = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def __call__(self, call: Call) -> tuple[int, object]:
        self.operations.append(call.operation.id)
        self.threads.append(threading.current_thread())
        self.entered.release()
        if call.operation.id in self._slow:
            self.may_end.acquire()
        return empty(call)


@contextmanager
def scheduled(held: Held, *probes: Probe, workers: int | None = None) -> Iterator[Scheduler]:
    """Start a scheduler with the real clock."""
    runner, _ = prober(held, *probes)
    scheduler = Scheduler(runner, runner.metrics, probes, workers=workers)
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()
        held.may_end.release(1000)
        scheduler.join()
        assert not scheduler.is_alive


SOON = [probe(name, interval=0.2, timeout=0.1) for name in NAMES]


def test_no_more_runs_at_a_time_than_workers() -> None:
    held = Held()
    with scheduled(held, *SOON, workers=2) as scheduler:
        held.entered.acquire()
        held.entered.acquire()
        assert not held.entered.acquire(timeout=0.5), "a third run started, though there are two workers"
        held.may_end.release(2)
        held.entered.acquire()
        held.entered.acquire()
        assert len(set(held.threads)) == 2
        assert sum(missed(scheduler, name) for name in NAMES) >= 4, "what waited for a worker is not counted"


def test_each_active_run_has_a_thread_of_its_own() -> None:
    held = Held()
    with scheduled(held, *SOON, workers=10):
        for _ in NAMES:
            held.entered.acquire()
        assert sorted(held.operations) == sorted(NAMES), "an operation had two runs at the same time"
        assert len(set(held.threads)) == len(NAMES)


def test_at_most_two_threads_wait_for_slots_and_the_others_rest() -> None:
    """Three runs at once leave three threads, of which one has nothing to wait for when all of them have ended."""
    held = Held()
    with scheduled(held, *SOON[:3], workers=10) as scheduler:
        for _ in range(3):
            held.entered.acquire()
        held.may_end.release(1000)
        for _ in range(40):
            held.entered.acquire()
            with scheduler._changed:
                assert len(scheduler._awaited) <= WAITING
        with scheduler._changed:
            while not scheduler._resting:
                scheduler._changed.wait(0.001)


@pytest.mark.parametrize("other", [0.2, 600.0])
def test_a_slow_run_does_not_hold_up_other_operations(other: float) -> None:
    """When one thread takes the next slot, the other may wait for one that is far away: it must be woken."""
    held = Held(NAMES[0])
    with scheduled(held, SOON[0], SOON[1], probe(NAMES[2], interval=other), workers=3):
        while held.operations.count(NAMES[1]) < 5:
            held.entered.acquire()
        assert held.operations.count(NAMES[0]) <= 1, "an operation had two runs at the same time"


def test_a_change_of_the_schedule_is_noticed_at_once() -> None:
    held = Held()
    with scheduled(held, probe(NAMES[0], interval=86_400.0)) as scheduler:
        assert not held.entered.acquire(timeout=0.05)
        scheduler.replace(scheduler._runner, SOON)
        held.entered.acquire()
        assert held.operations[0] in NAMES


def test_a_recheck_is_not_late_because_all_threads_wait_for_later_slots() -> None:
    called = threading.Semaphore(0)

    def failing(call: Call) -> tuple[int, object]:
        called.release()
        return down(call)

    probes = [probe(NAMES[0], interval=86_400.0, recheck=0.05)]
    runner, _ = prober(failing, *probes)
    scheduler = Scheduler(runner, runner.metrics, probes)
    with scheduler._changed:
        scheduler._timetable.add(NAMES[0], scheduler._clock())
    scheduler.start()
    for _ in range(1 + RECHECKS):
        called.acquire()
    scheduler.stop()
    scheduler.join()


def test_stopping_ends_all_threads_after_the_active_runs() -> None:
    held = Held()
    with scheduled(held, *SOON, workers=3) as scheduler:
        held.entered.acquire()
        scheduler.stop()
        assert scheduler.is_stopping
        assert scheduler.is_alive, "the active run is not awaited"


def test_a_scheduler_that_is_stopped_before_it_starts_makes_no_run() -> None:
    held = Held()
    runner, sender = prober(held, *SOON)
    scheduler = Scheduler(runner, runner.metrics, SOON, workers=1)
    scheduler.stop()
    scheduler.start()
    scheduler.join()
    assert sender.calls == []
