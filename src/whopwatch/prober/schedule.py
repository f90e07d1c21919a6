"""When probes run: a fixed grid of times for each operation, and the threads that make the runs.

A slot is due at `phase + n * interval` of the clock, plus a jitter that does not accumulate. The phase is derived from
the operation's name, so that probes spread over the interval and a restart does not move them. A slot that cannot
start within a quarter of its interval is dropped and counted: a late probe would measure another moment.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import NamedTuple
from zlib import crc32

from whopwatch.metrics import ProbeMetrics, ProbeOutcome
from whopwatch.prober.probe_run import ProbeRunner
from whopwatch.prober.settings import Probe

JITTER = 0.05
"""Share of the interval by which a slot may be due later."""
MAX_LATENESS = 0.25
"""Share of the interval after which a slot is dropped."""
LONGEST_SLEEP = 60.0
"""Longest wait for a slot, in seconds."""
WAITING = 2
"""How many threads wait for a slot: one for the next, one for that after it."""
RECHECKS = 3
"""How often a failing operation is probed again before its next regular slot."""
RECHECKS_PER_SECOND = 1.0
"""For all operations together: an API that is down gets no extra load."""
SLOTS_PER_ID_SEARCH = 10
"""An operation without an id to request runs at one of this many slots."""
SMALLEST_START_BURST = 4.0
MAX_WORKERS = 64
_HASH_RANGE = 2**32
_LOG = logging.getLogger("whopwatch.prober")


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A time at which an operation is to be probed. `number` is its place on the grid, -1 for an extra slot."""

    due: float
    operation: str = field(compare=False)
    number: int = field(compare=False)


class TakenSlot(NamedTuple):
    """A slot taken from the timetable. `slot` is None if it was too late; `missed` counts the dropped slots."""

    slot: Slot | None
    operation: str
    missed: int


class Timetable:
    """The next slot of every operation. `intervals` are seconds by operation. Not thread-safe."""

    def __init__(self, intervals: Mapping[str, float], now: float) -> None:
        self._intervals: dict[str, float] = {}
        self._heap: list[Slot] = []
        self.replace(intervals, now)

    def replace(self, intervals: Mapping[str, float], now: float) -> None:
        """Use other operations or intervals. Operations whose interval stays keep their slots."""
        kept = {slot.operation for slot in self._heap if slot.number >= 0 and self._is_same(slot.operation, intervals)}
        self._heap = [slot for slot in self._heap if slot.operation in kept]
        self._intervals = dict(intervals)
        for operation in intervals.keys() - kept:
            self._heap.append(self._first_slot(operation, now))
        heapq.heapify(self._heap)

    def next_due(self) -> float:
        """Return when the next slot is due; infinity if there is none."""
        return self._heap[0].due if self._heap else float("inf")

    def second_due(self) -> float:
        """Return when the slot after the next one is due; infinity if there is none."""
        return min((slot.due for slot in self._heap[1:3]), default=float("inf"))  # one of them, by the order of a heap

    def take(self, now: float) -> TakenSlot:
        """Remove the slot that is due and schedule the operation's next one.

        Call it only when `next_due()` is not after `now`.
        """
        slot = heapq.heappop(self._heap)
        if slot.number < 0:
            return TakenSlot(slot, slot.operation, 0)
        interval = self._intervals[slot.operation]
        if now - slot.due <= MAX_LATENESS * interval:
            heapq.heappush(self._heap, self._slot(slot.operation, slot.number + 1))
            return TakenSlot(slot, slot.operation, 0)
        following = slot.number + 1
        behind = now - MAX_LATENESS * interval - self._slot(slot.operation, following).due
        if behind > 0:
            following += ceil(behind / interval)
        heapq.heappush(self._heap, self._slot(slot.operation, following))
        return TakenSlot(None, slot.operation, following - slot.number)

    def add(self, operation: str, at: float) -> None:
        """Add an extra slot, unless a regular slot comes before it or an extra one is already waiting."""
        pending = [slot for slot in self._heap if slot.operation == operation]
        if operation in self._intervals and all(slot.number >= 0 and slot.due > at for slot in pending):
            heapq.heappush(self._heap, Slot(at, operation, -1))

    def _is_same(self, operation: str, intervals: Mapping[str, float]) -> bool:
        return operation in intervals and self._intervals.get(operation) == intervals[operation]

    def _first_slot(self, operation: str, now: float) -> Slot:
        interval = self._intervals[operation]
        number = int(now // interval) - 1
        while (slot := self._slot(operation, number)).due < now:
            number += 1
        return slot

    def _slot(self, operation: str, number: int) -> Slot:
        interval = self._intervals[operation]
        phase = crc32(operation.encode()) / _HASH_RANGE
        jitter = JITTER * crc32(f"{operation}#{number}".encode()) / _HASH_RANGE
        return Slot((number + phase + jitter) * interval, operation, number)


class StartLimiter:
    """A token bucket: at most `per_second` starts, and `burst` at once. Prevents a burst of starts after a stall."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """Return 0.0 and count a start if one is allowed now; else the seconds until one is."""
        self._tokens = min(self._burst, self._tokens + max(now - self._at, 0.0) * self._per_second)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second


class Run(NamedTuple):
    """One run of a probe that is due."""

    probe: Probe
    runner: ProbeRunner


class Scheduler:
    """Run `probes` on schedule until stopped. An operation never has two runs at the same time.

    `clock` returns seconds since the epoch and must never go back. At most `workers` threads make the runs; without
    `workers` the number is what the schedule needs when every probe times out.

    The thread that waits for a slot also makes its run, so that no other thread has to wake up for it. Meanwhile a
    second thread already waits for the next slot. Threads beyond these two rest.
    """

    def __init__(
        self,
        runner: ProbeRunner,
        metrics: ProbeMetrics,
        probes: Iterable[Probe],
        *,
        workers: int | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._runner = runner
        self.metrics = metrics
        self._clock = clock or steady_clock()
        self._probes = {probe.id: probe for probe in probes}
        self._workers = workers or workers_needed(self._probes.values())
        now = self._clock()
        self._timetable = Timetable(self._intervals(), now)
        self._starts = self._start_limiter(now)
        self._rechecks = StartLimiter(RECHECKS_PER_SECOND, SMALLEST_START_BURST, now)
        self._failures: dict[str, int] = {}
        self._running: set[str] = set()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._awaited: list[float] = []  # until when the threads wait that wait for a slot
        self._needed = threading.Condition(lock)
        self._resting = 0

    @property
    def probes(self) -> dict[str, Probe]:
        """The probes by operation."""
        return self._probes

    @property
    def is_alive(self) -> bool:
        """Whether a thread is left."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def is_stopping(self) -> bool:
        """Whether no further runs start."""
        return self._stopping

    def replace(self, runner: ProbeRunner, probes: Iterable[Probe]) -> None:
        """Use other probes from now on. Active runs are not interrupted."""
        with self._changed:
            now = self._clock()
            self._runner, self._probes = runner, {probe.id: probe for probe in probes}
            self._timetable.replace(self._intervals(), now)
            self._starts = self._start_limiter(now)
            self._changed.notify_all()

    def start(self) -> None:
        """Start runs, on other threads, until `stop` is called."""
        with self._changed:
            self._start_thread()

    def stop(self) -> None:
        """Start no further runs. Active runs go on until they end or reach their deadline."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            self._needed.notify_all()

    def join(self) -> None:
        """Return when all threads have ended, after `stop`."""
        for thread in self._threads:
            thread.join()

    def step(self, now: float) -> Run | float:
        """Handle one slot that is due. Return the run to make, else the time to call this again."""
        due = self._timetable.next_due()
        if due > now:
            return due
        wait = self._starts.take(now)
        if wait > 0:
            return now + wait
        slot, operation, missed = self._timetable.take(now)
        run = None
        if slot is not None and operation in self._running:
            missed = 1 if slot.number >= 0 else 0
        elif slot is not None and not self._skips(slot):
            run = self._begin(slot, now)
        if missed:
            self.metrics.missed.labels(operation).inc(missed)
        return run or now

    def make(self, run: Run) -> None:
        """Make a run that `step` returned."""
        probe, outcome = run.probe, ProbeOutcome.SKIPPED
        try:
            outcome = run.runner.run(probe).outcome
        except Exception as error:
            # The message of a foreign error may quote a response, so only its type is logged.
            self.metrics.runs.labels(probe.id, outcome).inc()
            _LOG.error("The run of %s failed with an unexpected %s.", probe.id, type(error).__name__)
        finally:
            with self._changed:
                self._finish(probe, outcome)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"probe_{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while run := self._next_run():
            self.make(run)

    def _next_run(self) -> Run | None:
        """Wait until a run is due and return it; None after `stop`."""
        with self._changed:
            while not self._stopping:
                now = self._clock()
                step = self.step(now)
                if isinstance(step, Run):
                    self._let_another_wait()
                    return step
                if step > now:
                    self._wait(now, step)
        return None

    def _wait(self, now: float, until: float) -> None:
        """Wait for the next slot, at `until`, or for the one after it if another thread waits for that; else rest."""
        if len(self._awaited) == WAITING:
            self._resting += 1
            self._needed.wait()
            self._resting -= 1
            return
        if any(awaited <= until for awaited in self._awaited):
            until = max(until, self._timetable.second_due())
        self._awaited.append(until)
        self._changed.wait(min(until - now, LONGEST_SLEEP))
        self._awaited.remove(until)

    def _let_another_wait(self) -> None:
        """See to it that a thread waits for the next slot while this one makes a run."""
        if self._awaited:
            if min(self._awaited) > self._timetable.next_due():
                self._changed.notify()
        elif self._resting:
            self._needed.notify()
        elif len(self._threads) < self._workers:
            self._start_thread()

    def _skips(self, slot: Slot) -> bool:
        """Return whether the operation has no id to request, and this is not a slot in which one is searched for."""
        return slot.number % SLOTS_PER_ID_SEARCH != 0 and self._runner.lacks_id(slot.operation)

    def _begin(self, slot: Slot, now: float) -> Run:
        self.metrics.lag.observe(max(now - slot.due, 0.0))
        self._running.add(slot.operation)
        self.metrics.inflight.set(len(self._running))
        return Run(self._probes[slot.operation], self._runner)

    def _finish(self, probe: Probe, outcome: ProbeOutcome) -> None:
        """Note that a run ended, and schedule a recheck if it failed."""
        self._running.discard(probe.id)
        self.metrics.inflight.set(len(self._running))
        failed = outcome not in (ProbeOutcome.SUCCESS, ProbeOutcome.SKIPPED, ProbeOutcome.RATE_LIMITED)
        failures = self._failures[probe.id] = self._failures.get(probe.id, 0) + 1 if failed else 0
        now = self._clock()
        if failed and failures <= RECHECKS and self._rechecks.take(now) == 0.0:
            self._timetable.add(probe.id, now + probe.options.recheck)
            self._changed.notify_all()

    def _intervals(self) -> dict[str, float]:
        return {id: probe.options.interval for id, probe in self._probes.items()}

    def _start_limiter(self, now: float) -> StartLimiter:
        """Allow twice the pace of the schedule, so that a backlog shrinks without a burst."""
        pace = sum(1.0 / interval for interval in self._intervals().values())
        return StartLimiter(max(2.0 * pace, 1.0), max(pace / 4.0, SMALLEST_START_BURST), now)


def workers_needed(probes: Iterable[Probe]) -> int:
    """Return the threads needed when every probe runs into its timeout.

    That is the mean number of active runs, three standard deviations of it, and the rechecks.
    """
    options = [probe.options for probe in probes]
    mean = sum(each.timeout / each.interval for each in options)
    rechecks = RECHECKS_PER_SECOND * max((each.timeout for each in options), default=0.0)
    return min(ceil(mean + rechecks + 3.0 * sqrt(mean + rechecks)) + 1, MAX_WORKERS)


def steady_clock() -> Callable[[], float]:
    """Return a clock of seconds since the epoch that ignores later changes of the system time."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset
