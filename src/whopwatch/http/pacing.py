"""Token buckets: how fast requests may leave, for each operation and in all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from whopwatch.http.limits import Rate


class Bucket:
    """One token bucket, kept as the time at which it would be full again (GCRA)."""

    def __init__(self, rate: Rate) -> None:
        self._interval = 1.0 / rate.per_second
        self._tolerance = (rate.burst - 1) * self._interval
        self._full_at = float("-inf")

    def next(self, now: float) -> float:
        """The time at which a request may leave that wants to leave at `now`."""
        return max(now, self._full_at - self._tolerance)

    def take(self, at: float) -> None:
        """Take a token for a request that leaves `at` that time."""
        self._full_at = max(self._full_at, at) + self._interval


class Pacer:
    """Makes requests wait. One operation's wait holds up no other operation."""

    def __init__(
        self,
        per_operation: Rate | None,
        overall: Rate | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._rate = per_operation
        self._overall = Bucket(overall) if overall else None
        self._buckets: dict[str, Bucket] = {}
        self._held: dict[str, float] = {}
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self, operation: str) -> None:
        """Return when a request of `operation` may leave, and count it."""
        with self._lock:
            now = self._clock()
            buckets = self._buckets_of(operation)
            at = max([self._held.get(operation, now), now, *(bucket.next(now) for bucket in buckets)])
            for bucket in buckets:
                bucket.take(at)
        if at > now:
            self._sleep(at - now)

    def hold(self, operation: str, seconds: float) -> None:
        """Let no request of `operation` leave for `seconds` from now."""
        with self._lock:
            self._held[operation] = max(self._held.get(operation, 0.0), self._clock() + seconds)

    def _buckets_of(self, operation: str) -> list[Bucket]:
        buckets = [self._overall] if self._overall else []
        if self._rate:
            buckets.append(self._buckets.setdefault(operation, Bucket(self._rate)))
        return buckets
