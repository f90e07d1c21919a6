"""Send the requests of probes: one attempt on a socket of its own, within the budget that all probes share.

The client of other runs keeps connections, retries and waits. A probe must not: a retry would hide the failure that it
is to measure. It returns the same kind of Exchange.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange
from whopwatch.core.redaction import redact_headers, redact_repeated
from whopwatch.http.call import Call, url_of
from whopwatch.http.limits import Limits, retry_after
from whopwatch.http.sender import CredentialKeys, Guard, default_headers
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network, RequestFailedError

SMALLEST_BUDGET_BURST = 10.0
DEFAULT_HOLD = 30.0
"""Seconds for which an operation is paused after a 429 without Retry-After."""
LONGEST_HOLD = 3600.0
SCHEDULE_RESERVE = 0.5
"""Share of the shared budget that probes on request leave for scheduled runs."""


class Budget(Protocol):
    """What a run needs of a budget."""

    def take(self, operation: str) -> str | None:
        """Take one request for `operation`. Return the reason if none may be sent now."""
        ...

    def hold_after_429(self, exchange: Exchange) -> float:
        """Pause the operation if the response is a 429. Return the seconds of the pause, else 0."""
        ...


@dataclass(frozen=True, slots=True)
class BudgetLevel:
    """How full the budget is: `remaining` requests of `limit`; `per_second` are added."""

    limit: float
    remaining: float
    per_second: float

    def seconds_until(self, requests: float) -> float:
        """Return the seconds until so many requests are available; more than `limit` never are."""
        return max(min(requests, self.limit) - self.remaining, 0.0) / self.per_second


class RequestBudget:
    """A token bucket of `per_minute` requests, and a pause for each operation that got 429. Thread-safe.

    A quarter of a minute's requests may be sent at once. `clock` is in seconds, monotonic.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held_until: dict[str, float] = {}
        self._lock = threading.Lock()
        self._at = clock()
        self._set_rate(per_minute)
        self._tokens = self._limit

    def change_rate(self, per_minute: float) -> None:
        """Use another rate from now on."""
        with self._lock:
            self._refill()
            self._set_rate(per_minute)
            self._tokens = min(self._tokens, self._limit)

    def take(self, operation: str, *, reserve: float = 0.0) -> str | None:
        """Take one request for `operation`, and leave at least `reserve` (a share of the limit) for others.

        Return the reason if none may be sent now.
        """
        with self._lock:
            self._refill()
            left = self._held_until.get(operation, 0.0) - self._at
            if left > 0:
                return f"paused for another {left:.0f} s after a 429"
            if self._tokens < 1.0 + reserve * self._limit:
                return "the request budget is spent"
            self._tokens -= 1.0
            return None

    def wait(self, requests: float, sleep: Callable[[float], None]) -> None:
        """Return when so many requests are available."""
        while (seconds := self.level().seconds_until(requests)) > 0:
            sleep(seconds)

    def hold_after_429(self, exchange: Exchange) -> float:
        """Pause the operation if the response is a 429. Return the seconds of the pause, else 0."""
        if exchange.status != 429:
            return 0.0
        wait = retry_after(exchange)
        seconds = min(DEFAULT_HOLD if wait is None else wait, LONGEST_HOLD)
        with self._lock:
            until = self._clock() + seconds
            self._held_until[exchange.operation] = max(self._held_until.get(exchange.operation, 0.0), until)
        return seconds

    def level(self) -> BudgetLevel:
        """Return how full the budget is now."""
        with self._lock:
            self._refill()
            return BudgetLevel(self._limit, self._tokens, self._rate)

    def _set_rate(self, per_minute: float) -> None:
        self._rate = per_minute / 60.0
        self._limit = max(per_minute / 4.0, SMALLEST_BUDGET_BURST)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._limit, self._tokens + (now - self._at) * self._rate)
        self._at = now


class OnDemandBudget:
    """The budget of probes on request: `per_minute` requests of the `shared` budget, which scheduled runs need first.

    Requests count in both budgets. Half of the shared one is reserved, so that no scheduled run is skipped for them.
    """

    def __init__(self, per_minute: float, shared: RequestBudget, clock: Callable[[], float]) -> None:
        self._own = RequestBudget(per_minute, clock)
        self._shared = shared

    def change_rate(self, per_minute: float) -> None:
        """Use another rate from now on."""
        self._own.change_rate(per_minute)

    def seconds_until_free(self) -> float:
        """Return the seconds until a request may be sent; 0 if one may be sent now."""
        shared = self._shared.level()
        return max(self._own.level().seconds_until(1), shared.seconds_until(1 + SCHEDULE_RESERVE * shared.limit))

    def take(self, operation: str) -> str | None:
        """Take one request for `operation`. Return the reason if none may be sent now."""
        if self._own.level().remaining < 1:
            return "the budget for probes on request is spent"
        return self._shared.take(operation, reserve=SCHEDULE_RESERVE) or self._own.take(operation)

    def hold_after_429(self, exchange: Exchange) -> float:
        """Pause the operation, for scheduled runs too, if the response is a 429."""
        return self._shared.hold_after_429(exchange)


REQUESTS_CACHED = 512
"""Requests kept. The guard's decision depends on the URL alone, so it holds for every repetition."""


class ProbeClient:
    """Send calls to one target, read-only even if the target is writable. Thread-safe."""

    def __init__(
        self,
        target: Target,
        contract: Contract,
        *,
        fresh: bool = True,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
    ) -> None:
        self.target = replace(target, writable=False)
        self._guard = Guard(self.target, contract)
        self._limits = limits
        self._keys = CredentialKeys(target.api_key, None)
        self._requests: dict[object, HttpRequest] = {}
        self._network = Network((target.base_url, target.v2_base_url), limits, fresh=fresh)
        self._headers = (*default_headers(target), ("Connection", "close" if fresh else "keep-alive"))

    def close(self) -> None:
        """Close every connection; probes in progress fail, and no further one is sent."""
        self._network.close()

    def send(self, call: Call, seconds: float) -> Exchange:
        """Make one attempt of at most `seconds`. Every network failure is returned as part of the Exchange.

        Raise UnsafeRequestError, before anything is sent, for a call that is not a documented GET.
        """
        request = self._checked(call)
        timer = AttemptTimer(time.perf_counter, seconds)
        started_at = time.time()
        status, body, failure = None, b"", None
        headers: tuple[tuple[str, str], ...] = ()
        try:
            response = self._network.send(request, timer)
        except RequestFailedError as error:
            phases, failure = timer.phases(), error.failure
        else:
            phases, status = response.phases, response.status
            headers = redact_headers(response.headers)
            body = bytes(response.body)
        exchange = Exchange(
            operation=call.operation.id,
            purpose=call.purpose,
            method=call.operation.method,
            url=request.url,
            path_params=dict(call.path_params),
            query=call.query,
            status=status,
            headers=headers,
            body=body,
            failure=failure,
            phases=phases,
            started_at=started_at,
        )
        redacted = redact_repeated(body, exchange.body_digest)
        return exchange if redacted == body else replace(exchange, body=redacted)

    def _checked(self, call: Call) -> HttpRequest:
        """Return the request of `call`, which the guard has allowed."""
        if call.headers or call.credential != "key" or call.body is not None:
            raise UnsafeRequestError(
                "A probe must not send a body, headers or another credential.", where=call.operation.id
            )
        key = call.operation.id, call.template, tuple(call.path_params.items()), call.query
        request = self._requests.get(key)
        if request is None:
            request = self._request(call)
            if len(self._requests) >= REQUESTS_CACHED:
                self._requests.clear()
            self._requests[key] = request
        return request

    def _request(self, call: Call) -> HttpRequest:
        """Return the request if the guard allows it. The key is added after the guard's decision."""
        url = url_of(call, self.target)
        reason = self._guard.refuse(call.operation.method, url, dict(self._headers), has_body=False)
        if reason:
            raise UnsafeRequestError(
                f"A request was not sent: {reason}.",
                where=call.operation.id,
                expected="a documented GET request",
            )
        authorization = self._keys.authorization("key")
        own = (("Authorization", authorization),) if authorization else ()
        return HttpRequest("GET", url, (*self._headers, *own))
