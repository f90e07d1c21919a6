"""The loop that starts runs when they are due, on a bounded number of threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from math import ceil, sqrt

from whopwatch.metrics import Outcome, ProbeMetrics
from whopwatch.prober.listing import Probe
from whopwatch.prober.prober import Prober
from whopwatch.prober.timetable import Slot, Timetable

LONGEST_NAP = 1.0
RECHECKS = 3
"""Times that a failing operation is asked again sooner than its interval."""
RECHECKS_PER_SECOND = 1.0
"""Of all operations together: an API that is down as a whole is not asked the harder for it."""
WAITING_PACE = 10
"""An operation with nothing to ask with is tried at every so many slots."""
SMALLEST_BURST = 4.0
MOST_WORKERS = 64
_LOG = logging.getLogger("whopwatch.prober")


class Allowance:
    """So many starts a second, and a few at once: what keeps a stall from ending in a burst."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> float:
        """0.0 where one may start now, and it counts as started; else the seconds until one may."""
        self._tokens = min(self._burst, self._tokens + max(now - self._at, 0.0) * self._per_second)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second


class Scheduler:
    """Runs `probes` on schedule until it is stopped. One run of an operation is under way at a time.

    `clock` is in seconds since the epoch and must never go back. `pool` is where runs go, by default `workers` threads.
    Without a number of workers there are as many as the schedule needs when every probe runs into its timeout.
    """

    def __init__(
        self,
        prober: Prober,
        metrics: ProbeMetrics,
        probes: Iterable[Probe],
        *,
        workers: int | None = None,
        clock: Callable[[], float] | None = None,
        pool: Executor | None = None,
    ) -> None:
        self._prober = prober
        self.metrics = metrics
        self._clock = clock or steady_clock()
        self._probes = {probe.id: probe for probe in probes}
        self._workers = workers or workers_for(self._probes.values())
        now = self._clock()
        self._timetable = Timetable(self._intervals(), now)
        self._starts = self._allowance(now)
        self._rechecks = Allowance(RECHECKS_PER_SECOND, SMALLEST_BURST, now)
        self._failures: dict[str, int] = {}
        self._running: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._pool = pool or ThreadPoolExecutor(self._workers, thread_name_prefix="probe")

    @property
    def probes(self) -> dict[str, Probe]:
        """The probes by operation."""
        return self._probes

    @property
    def is_stopping(self) -> bool:
        """Whether no more runs are started."""
        return self._stopping

    def replace(self, prober: Prober, probes: Iterable[Probe]) -> None:
        """Go on with other probes; runs under way are not disturbed."""
        with self._changed:
            now = self._clock()
            self._prober, self._probes = prober, {probe.id: probe for probe in probes}
            self._timetable.replace(self._intervals(), now)
            self._starts = self._allowance(now)
            self._changed.notify_all()

    def loop(self) -> None:
        """Start runs until `stop` is called; returns once all of them have ended."""
        with self._changed:
            while not self._stopping:
                nap = self.step(self._clock())
                if nap > 0:
                    self._changed.wait(min(nap, LONGEST_NAP))
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """Start no more runs. Those under way go on to their end, which their deadlines bound."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def step(self, now: float) -> float:
        """One turn of the loop: deals with a slot that is due; returns for how many seconds there is nothing to do."""
        due = self._timetable.next_due()
        if due > now:
            return due - now
        if len(self._running) >= self._workers:
            return LONGEST_NAP
        wait = self._starts.take(now)
        if wait > 0:
            return wait
        slot, operation, lost = self._timetable.pop(now)
        if slot is not None and operation in self._running:
            lost = 1 if slot.number >= 0 else 0
        elif slot is not None and not self._is_left_out(slot):
            self._start(slot, now)
        if lost:
            self.metrics.missed.labels(operation).inc(lost)
        return 0.0

    def _is_left_out(self, slot: Slot) -> bool:
        """Whether the operation waits for an id, and this is not one of the slots in which it is tried."""
        return slot.number % WAITING_PACE != 0 and self._prober.is_waiting(slot.operation)

    def _start(self, slot: Slot, now: float) -> None:
        self.metrics.lag.observe(max(now - slot.due, 0.0))
        self._running.add(slot.operation)
        self.metrics.inflight.set(len(self._running))
        self._pool.submit(self._run, self._probes[slot.operation], self._prober)

    def _run(self, probe: Probe, prober: Prober) -> None:
        outcome = Outcome.SKIPPED
        try:
            outcome = prober.run(probe).outcome
        except Exception as error:
            # A foreign error's text may quote what it choked on: its kind alone is told.
            self.metrics.runs.labels(probe.id, outcome).inc()
            _LOG.error("The run of %s ended in an unexpected %s.", probe.id, type(error).__name__)
        finally:
            with self._changed:
                self._ended(probe, outcome)

    def _ended(self, probe: Probe, outcome: Outcome) -> None:
        was_full = len(self._running) >= self._workers
        self._running.discard(probe.id)
        self.metrics.inflight.set(len(self._running))
        failed = outcome not in (Outcome.SUCCESS, Outcome.SKIPPED, Outcome.RATE_LIMITED)
        failures = self._failures[probe.id] = self._failures.get(probe.id, 0) + 1 if failed else 0
        now = self._clock()
        rechecked = failed and failures <= RECHECKS and self._rechecks.take(now) == 0.0
        if rechecked:
            self._timetable.add(probe.id, now + probe.terms.recheck)
        if was_full or rechecked:
            self._changed.notify_all()

    def _intervals(self) -> dict[str, float]:
        return {id: probe.terms.interval for id, probe in self._probes.items()}

    def _allowance(self, now: float) -> Allowance:
        """Twice the schedule's own pace."""
        pace = sum(1.0 / interval for interval in self._intervals().values())
        return Allowance(max(2.0 * pace, 1.0), max(pace / 4.0, SMALLEST_BURST), now)


def workers_for(probes: Iterable[Probe]) -> int:
    """Enough for all runs that are under way at a time when nothing answers any more.

    That many on average, three times the spread of a random number of them, and those that are asked again sooner.
    """
    terms = [probe.terms for probe in probes]
    usual = sum(each.timeout / each.interval for each in terms)
    again = RECHECKS_PER_SECOND * max((each.timeout for each in terms), default=0.0)
    return min(ceil(usual + again + 3.0 * sqrt(usual + again)) + 1, MOST_WORKERS)


def steady_clock() -> Callable[[], float]:
    """Seconds since the epoch as they were at the first call, and from there on by the monotonic clock."""
    offset = time.time() - time.monotonic()
    return lambda: time.monotonic() + offset
