"""When probes run: a fixed grid of times for each operation, and the loop that starts runs on a bounded thread pool.

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
from functools import partial
from math import ceil, sqrt
from queue import SimpleQueue
from typing import NamedTuple, Protocol
from zlib import crc32

from whopwatch.metrics import ProbeMetrics, ProbeOutcome
from whopwatch.prober.probe_run import ProbeRunner
from whopwatch.prober.settings import Probe

JITTER = 0.05
"""Share of the interval by which a slot may be due later."""
MAX_LATENESS = 0.25
"""Share of the interval after which a slot is dropped."""
LONGEST_SLEEP = 1.0
"""Longest sleep of the loop, in seconds: it must notice changes of the schedule."""
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


class Pool(Protocol):
    """Runs calls on other threads."""

    def submit(self, call: Callable[[Probe, ProbeRunner], None], probe: Probe, runner: ProbeRunner, /) -> object:
        """Call `call` with the other arguments on another thread."""
        ...

    def shutdown(self, wait: bool) -> None:
        """Accept no further calls; with `wait` return when all have ended."""
        ...


_Task = Callable[[], None]


class ProbeThreads:
    """Threads that run calls, one more whenever all are busy: the scheduler limits how many runs are active.

    A call wakes one thread, the one that became idle last. In a ThreadPoolExecutor all idle threads wait for one lock,
    and several wake up for each call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: list[tuple[threading.Thread, SimpleQueue[_Task | None]]] = []
        self._idle: list[SimpleQueue[_Task | None]] = []

    @property
    def idle(self) -> int:
        """How many threads wait for a call."""
        return len(self._idle)

    def submit(self, call: Callable[[Probe, ProbeRunner], None], probe: Probe, runner: ProbeRunner, /) -> None:
        """Call `call`, which must not raise, with the other arguments on an idle thread."""
        with self._lock:
            tasks = self._idle.pop() if self._idle else self._start_thread()
        tasks.put(partial(call, probe, runner))

    def shutdown(self, wait: bool) -> None:
        """End each thread after its call; with `wait` return when all have ended."""
        with self._lock:
            threads = [*self._threads]
        for _, tasks in threads:
            tasks.put(None)
        for thread, _ in threads if wait else ():
            thread.join()

    def _start_thread(self) -> SimpleQueue[_Task | None]:
        tasks: SimpleQueue[_Task | None] = SimpleQueue()
        thread = threading.Thread(target=self._run, args=(tasks,), name=f"probe_{len(self._threads)}", daemon=True)
        self._threads.append((thread, tasks))
        thread.start()
        return tasks

    def _run(self, tasks: SimpleQueue[_Task | None]) -> None:
        while task := tasks.get():
            task()
            del task  # nothing of the run stays in memory until the next one
            with self._lock:
                self._idle.append(tasks)


class Scheduler:
    """Run `probes` on schedule until stopped. An operation never has two runs at the same time.

    `clock` returns seconds since the epoch and must never go back. `pool` executes the runs, at most `workers` at a
    time. Without `workers` the number is what the schedule needs when every probe times out.
    """

    def __init__(
        self,
        runner: ProbeRunner,
        metrics: ProbeMetrics,
        probes: Iterable[Probe],
        *,
        workers: int | None = None,
        clock: Callable[[], float] | None = None,
        pool: Pool | None = None,
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
        self._changed = threading.Condition()
        self._stopping = False
        self._pool = pool or ProbeThreads()

    @property
    def probes(self) -> dict[str, Probe]:
        """The probes by operation."""
        return self._probes

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

    def loop(self) -> None:
        """Start runs until `stop` is called; return when all of them have ended."""
        with self._changed:
            while not self._stopping:
                seconds = self.step(self._clock())
                if seconds > 0:
                    self._changed.wait(min(seconds, LONGEST_SLEEP))
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """Start no further runs. Active runs go on until they end or reach their deadline."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def step(self, now: float) -> float:
        """Handle one slot that is due. Return the seconds for which the loop may sleep."""
        due = self._timetable.next_due()
        if due > now:
            return due - now
        if len(self._running) >= self._workers:
            return LONGEST_SLEEP
        wait = self._starts.take(now)
        if wait > 0:
            return wait
        slot, operation, missed = self._timetable.take(now)
        if slot is not None and operation in self._running:
            missed = 1 if slot.number >= 0 else 0
        elif slot is not None and not self._skips(slot):
            self._start(slot, now)
        if missed:
            self.metrics.missed.labels(operation).inc(missed)
        return 0.0

    def _skips(self, slot: Slot) -> bool:
        """Return whether the operation has no id to request, and this is not a slot in which one is searched for."""
        return slot.number % SLOTS_PER_ID_SEARCH != 0 and self._runner.lacks_id(slot.operation)

    def _start(self, slot: Slot, now: float) -> None:
        self.metrics.lag.observe(max(now - slot.due, 0.0))
        self._running.add(slot.operation)
        self.metrics.inflight.set(len(self._running))
        self._pool.submit(self._run, self._probes[slot.operation], self._runner)

    def _run(self, probe: Probe, runner: ProbeRunner) -> None:
        outcome = ProbeOutcome.SKIPPED
        try:
            outcome = runner.run(probe).outcome
        except Exception as error:
            # The message of a foreign error may quote a response, so only its type is logged.
            self.metrics.runs.labels(probe.id, outcome).inc()
            _LOG.error("The run of %s failed with an unexpected %s.", probe.id, type(error).__name__)
        finally:
            with self._changed:
                self._finish(probe, outcome)

    def _finish(self, probe: Probe, outcome: ProbeOutcome) -> None:
        """Note that a run ended, and schedule a recheck if it failed."""
        was_full = len(self._running) >= self._workers
        self._running.discard(probe.id)
        self.metrics.inflight.set(len(self._running))
        failed = outcome not in (ProbeOutcome.SUCCESS, ProbeOutcome.SKIPPED, ProbeOutcome.RATE_LIMITED)
        failures = self._failures[probe.id] = self._failures.get(probe.id, 0) + 1 if failed else 0
        now = self._clock()
        rechecked = failed and failures <= RECHECKS and self._rechecks.take(now) == 0.0
        if rechecked:
            self._timetable.add(probe.id, now + probe.options.recheck)
        if was_full or rechecked:
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
