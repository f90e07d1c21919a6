"""Limits of a client: time, bytes, request rate, retries and the request budget."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from whopwatch.contract import Operation
from whopwatch.core.errors import BudgetExhaustedError, ResponsesTooLargeError, TimeLimitReachedError
from whopwatch.core.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` at once, then `per_second`. Any 60 s have at most burst + 60 * per_second requests."""

    burst: int
    per_second: float


DOCUMENTED_RATE = Rate(burst=120, per_second=8.0)
"""600 requests per minute for one operation and key, as documented, in any window of a minute."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a client. Times are in seconds, sizes in bytes.

    `deadline` covers a whole attempt: connect, send, wait and read. `body_bytes` limits the body as received and
    decompressed. `retries` is the number of repetitions after a 429 or 503; one wait is at most `retry_wait`, all waits
    of a client together at most `total_wait`, and at most `first_total_wait` until a response is neither 429 nor 503.
    `backoff` is the first wait if the server names none; it doubles. `rate` applies to each operation, None for no
    limit.
    """

    deadline: float = 30.0
    connect: float = 10.0
    read: float = 20.0
    write: float = 10.0
    body_bytes: int = 8 * 2**20
    header_bytes: int = 32 * 2**10
    header_count: int = 128
    retries: int = 2
    retry_wait: float = 60.0
    total_wait: float = 300.0
    first_total_wait: float = 60.0
    backoff: float = 1.0
    rate: Rate | None = DOCUMENTED_RATE


# Request rate


SLOWEST_INTERVAL = 1.0
"""Seconds between two requests to a server that finds every pace too fast."""


class TokenBucket:
    """A token bucket, stored as the time at which it is full again (GCRA)."""

    def __init__(self, rate: Rate) -> None:
        self._interval = 1.0 / rate.per_second
        self._tolerance = (rate.burst - 1) * self._interval
        self._full_at = float("-inf")

    def next(self, now: float) -> float:
        """Return the time at which a request that is ready at `now` may be sent."""
        return max(now, self._full_at - self._tolerance)

    def slow_down(self) -> None:
        """Halve the rate, to at least one request in SLOWEST_INTERVAL."""
        self._interval = max(self._interval, min(2 * self._interval, SLOWEST_INTERVAL))

    def take(self, at: float) -> None:
        """Take a token for a request that is sent `at` that time."""
        self._full_at = max(self._full_at, at) + self._interval


class Pacer:
    """Delays requests to keep the rate. A wait of one operation does not delay others."""

    def __init__(
        self,
        per_operation: Rate | None,
        overall: Rate | None,
        clock: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._rate = per_operation
        self._overall = TokenBucket(overall) if overall else None
        self._buckets: dict[str, TokenBucket] = {}
        self._held: dict[str, float] = {}
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()

    def wait(self, operation: str) -> None:
        """Wait until a request of `operation` may be sent, and count it."""
        with self._lock:
            now = self._clock()
            buckets = self._buckets_of(operation)
            at = max([self._held.get(operation, now), now, *(bucket.next(now) for bucket in buckets)])
            for bucket in buckets:
                bucket.take(at)
        if at > now:
            self._sleep(at - now)

    def hold(self, operation: str, seconds: float) -> None:
        """Send no request of `operation` for `seconds` from now."""
        with self._lock:
            self._held[operation] = max(self._held.get(operation, 0.0), self._clock() + seconds)

    def slow_down(self) -> None:
        """Send fewer requests from now on: the server found them too many."""
        if self._overall:
            with self._lock:
                self._overall.slow_down()

    def _buckets_of(self, operation: str) -> list[TokenBucket]:
        buckets = [self._overall] if self._overall else []
        if self._rate:
            buckets.append(self._buckets.setdefault(operation, TokenBucket(self._rate)))
        return buckets


# Retries

RETRIED = frozenset({429, 503})
"""The statuses that ask for a retry. The client repeats no other request."""
REPEAT_PAUSE = 1.0
"""Seconds before a run repeats a failed read, to distinguish a transient failure from drift."""
MAX_REPEATS = 10
"""Failed reads that a run repeats."""


class Repeats:
    """Decides which failed requests a run sends again: one that fails once and then succeeds is no finding.

    A request is repeated until the same failure returns. That failure of the operation is then not repeated again.
    """

    def __init__(self) -> None:
        self._left = MAX_REPEATS
        self._given_up: set[tuple[str, str | int | None]] = set()

    def allow(self, attempts: Sequence[Exchange]) -> bool:
        """Return whether the request with these attempts is sent again, and count it."""
        last = attempts[-1]
        failure = (last.operation, last.failure_kind)
        if not last.may_be_transient or failure in self._given_up or not self._left:
            return False
        if sum(one.failure_kind == last.failure_kind for one in attempts) > 1:
            self._given_up.add(failure)
            return False
        self._left -= 1
        return True


def retry_after(exchange: Exchange) -> float | None:
    """Return the seconds of the Retry-After header, given as a number or as a date; None without one.

    A date is compared with the Date header of the response, so that only the clock of the server counts.
    """
    text = (exchange.header("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _date(text)
    if until is None:
        return None
    now = _date(exchange.header("date") or "") or datetime.fromtimestamp(exchange.started_at, UTC)
    return max((until - now).total_seconds(), 0.0)


def wait_before_next(exchange: Exchange, limits: Limits) -> float | None:
    """Return the seconds until the operation of `exchange` may be retried; None without a retry.

    If the server names no time, it doubles with each attempt. It may exceed `limits.retry_wait`.
    """
    if exchange.status not in RETRIED:
        return None
    named = retry_after(exchange)
    return named if named is not None else limits.backoff * 2.0 ** (exchange.attempt - 1)


_EPOCH = 1e9
"""A reset of at least this many seconds is a time since the epoch, not a duration."""


def wait_until_reset(exchange: Exchange) -> float:
    """Return the seconds until the rate limit is reset if a response says that no request is left, else 0."""
    if exchange.rate_limit("remaining") != 0:
        return 0.0
    reset = exchange.rate_limit("reset") or 0.0
    return max(reset - exchange.started_at, 0.0) if reset >= _EPOCH else reset


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


# Request budget


MIN_RESPONSE_WEIGHT = 64 << 20
WEIGHT_PER_REQUEST = 112 << 10
"""Limits of the weight of all responses (core.strict_json): 64 MiB up to 600 requests, then it grows with the budget.

600 requests of full pages weigh 33 MiB. Without a limit, memory grew by 8 MiB for each request to a hostile API.
"""


class SharedBudget:
    """A number of requests that clients in several processes share, counted in the file at `path`."""

    def __init__(self, path: Path, budget: int) -> None:
        self.path, self.budget = path, budget

    @property
    def sent(self) -> int:
        """Return how many requests were taken so far."""
        return self.take(0)[1]

    @property
    def remaining(self) -> int:
        """Return how many requests may still be sent."""
        return self.budget - self.sent

    def take(self, most: int = 1) -> tuple[int, int]:
        """Take at most `most` requests; a negative number gives some back. Return how many, and the new total."""
        from filelock import FileLock  # only runs that share a budget need it

        with FileLock(f"{self.path}.lock"):
            before = int(self.path.read_text()) if self.path.exists() else 0
            taken = max(min(most, self.budget - before), -before)
            if taken:
                self.path.write_text(str(before + taken))
        return taken, before + taken


class RunBudget:
    """What a run may use: requests, the weight of their responses, and time. Refuses requests over a limit.

    `seconds` is the time from now on, None for no limit. `shared` is a budget that other clients use, too.
    """

    def __init__(
        self,
        budget: int,
        seconds: float | None = None,
        shared: SharedBudget | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.budget = budget
        self._seconds = seconds
        self._shared = shared
        self._clock = clock
        self._ends = math.inf if seconds is None else clock() + seconds
        self.weight_limit = max(MIN_RESPONSE_WEIGHT, budget * WEIGHT_PER_REQUEST)
        self.weight = 0
        self.sent = 0
        self.unsafe = 0
        self.by_operation: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def remaining(self) -> int:
        """Return how many requests may still be sent."""
        own = self.budget - self.sent
        return min(own, self._shared.remaining) if self._shared else own

    @property
    def seconds_left(self) -> float:
        """Return how much longer the run may take; infinite without a limit."""
        return self._ends - self._clock()

    def extend(self, seconds: float) -> None:
        """Allow the run to take `seconds` from now, even if its time is over."""
        self._ends = max(self._ends, self._clock() + seconds)

    def limited(self, sleep: Callable[[float], object]) -> Callable[[float], None]:
        """Return `sleep`, but with TimeLimitReachedError instead of a sleep that would exceed the time of the run."""

        def sleep_within(seconds: float) -> None:
            if seconds >= self.seconds_left:
                raise self._time_is_up()
            sleep(seconds)

        return sleep_within

    def check(self) -> None:
        """Raise TimeLimitReachedError if no time is left, BudgetExhaustedError if no request is."""
        if self.seconds_left <= 0:
            raise self._time_is_up()
        if self.remaining <= 0:
            raise self._exhausted()

    def why_late(self) -> str | None:
        """Return why the run ends now, None as long as it has time."""
        return self._time_is_up().what if self.seconds_left <= 0 else None

    def _time_is_up(self) -> TimeLimitReachedError:
        return TimeLimitReachedError(f"the time limit of {self._seconds:g} s was reached", hint="raise --max-time")

    def _exhausted(self) -> BudgetExhaustedError:
        budget = self._shared.budget if self._shared else self.budget
        return BudgetExhaustedError(
            f"The budget of {budget} requests is used up.", hint="raise the budget, or select fewer operations"
        )

    def weigh(self, weight: int) -> None:
        """Add the weight of a response."""
        with self._lock:
            self.weight += weight

    def spend(self, operation: Operation) -> None:
        """Count one request of `operation`; raise BudgetExhaustedError if none is left."""
        with self._lock:
            if self.budget <= self.sent:
                raise self._exhausted()
            if self.weight > self.weight_limit:
                raise ResponsesTooLargeError(
                    f"The responses of the run exceed {self.weight_limit >> 20} MiB, which is their memory limit.",
                    where=operation.id,
                    hint="select fewer operations",
                )
            if self._shared and not self._shared.take()[0]:
                raise self._exhausted()
            self.sent += 1
            self.unsafe += not operation.is_read
            self.by_operation[operation.id] += 1
