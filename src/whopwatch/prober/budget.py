"""The requests that all probes of a key may make together, and operations that the server wants left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from whopwatch.core.exchange import Exchange
from whopwatch.http.retry import asked_wait

SMALLEST_BURST = 10.0
DEFAULT_HOLD = 30.0
"""Seconds for which an operation is left alone after a 429 that names no time."""
LONGEST_HOLD = 3600.0


@dataclass(frozen=True, slots=True)
class Level:
    """How full the budget is: requests left of `limit`; `per_second` come back."""

    limit: float
    remaining: float
    per_second: float

    def seconds_to(self, requests: float) -> float:
        """In how many seconds so many requests are left; no more than `limit` ever are."""
        return max(min(requests, self.limit) - self.remaining, 0.0) / self.per_second


class Budget:
    """A token bucket of `per_minute` requests, and a hold for each operation. Safe to use from several threads.

    A quarter of a minute's requests may leave at once. `clock` is in seconds, monotonic.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[str, float] = {}
        self._lock = threading.Lock()
        self._at = clock()
        self._set(per_minute)
        self._tokens = self._limit

    def change(self, per_minute: float) -> None:
        """Go on with another rate."""
        with self._lock:
            self._refill()
            self._set(per_minute)
            self._tokens = min(self._tokens, self._limit)

    def take(self, operation: str) -> str | None:
        """Take one request for `operation`; why there is none for it, where there is none."""
        with self._lock:
            self._refill()
            left = self._held.get(operation, 0.0) - self._at
            if left > 0:
                return f"the API asked to be left alone for another {left:.0f} s (429)"
            if self._tokens < 1.0:
                return "the request budget is spent"
            self._tokens -= 1.0
            return None

    def wait(self, requests: float, sleep: Callable[[float], None]) -> None:
        """Return once so many requests are left."""
        while (seconds := self.level().seconds_to(requests)) > 0:
            sleep(seconds)

    def heed(self, exchange: Exchange) -> float:
        """Hold the operation for as long as a 429 asks; returns these seconds, 0 for anything else."""
        if exchange.status != 429:
            return 0.0
        asked = asked_wait(exchange)
        seconds = min(DEFAULT_HOLD if asked is None else asked, LONGEST_HOLD)
        with self._lock:
            until = self._clock() + seconds
            self._held[exchange.operation] = max(self._held.get(exchange.operation, 0.0), until)
        return seconds

    def level(self) -> Level:
        """How full it is now."""
        with self._lock:
            self._refill()
            return Level(self._limit, self._tokens, self._rate)

    def _set(self, per_minute: float) -> None:
        self._rate = per_minute / 60.0
        self._limit = max(per_minute / 4.0, SMALLEST_BURST)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._limit, self._tokens + (now - self._at) * self._rate)
        self._at = now
