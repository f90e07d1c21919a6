"""Send calls and return exchanges. A network error is part of the exchange, never an exception."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from types import TracebackType
from typing import Self

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract
from whopwatch.core.errors import WhopwatchError
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.redaction import redact, redact_headers
from whopwatch.core.strict_json import memory_weight
from whopwatch.http.call import Call, url_of
from whopwatch.http.limits import Limits, Pacer, Rate, RunBudget, wait_before_next, wait_until_reset
from whopwatch.http.sender import CredentialKeys, Guard, GuardedSender, default_headers
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network, RequestFailedError, Transport


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of one call, and the error because of which there is none, or no further one."""

    exchanges: Sequence[Exchange] = ()
    error: BaseException | None = None


class Client:
    """Sends the calls of one run to one target.

    `budget` is the number of requests that may be sent, retries included, or a RunBudget with more limits. `transport`
    replaces the network; guard, rate and budget still apply. `on_exchange` receives every attempt, also those before
    the last one of a call. `unscoped_key` is a valid key without any scope. `clock` is monotonic, `wall` counts from
    the epoch, both in seconds. `waited` is the sum of the waits after rate limits and 503, in seconds.

    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        target: Target,
        contract: Contract,
        *,
        budget: int | RunBudget,
        transport: Transport | None = None,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] | None = None,
        wall: Callable[[], float] = time.time,
        on_exchange: Callable[[Exchange], None] | None = None,
        unscoped_key: Secret | None = None,
    ) -> None:
        self.target = target
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._on_exchange = on_exchange
        self._threads: ThreadPoolExecutor | None = None
        self._keys = CredentialKeys(target.api_key, unscoped_key)
        self.run_budget = budget if isinstance(budget, RunBudget) else RunBudget(budget)
        overall = Rate(burst=1, per_second=target.rate) if target.rate else None
        self._closed = threading.Event()
        self._pacer = Pacer(limits.rate, overall, clock, self.run_budget.limited(sleep or self._closed.wait))
        self._waits = threading.Lock()  # guards the three below: calls are sent by several threads
        self._wait_left = limits.first_total_wait
        self._is_served = False
        self.waited = 0.0
        network = transport or Network((target.base_url, target.v2_base_url), limits)
        self.sender = GuardedSender(
            network, Guard(target, contract), self.run_budget, self._pacer, self._keys, limits, clock
        )
        self._headers = default_headers(target)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; requests in progress fail, and no further one is sent."""
        self._closed.set()
        self.sender.close()
        if self._threads:
            self._threads.shutdown(wait=True, cancel_futures=True)

    @property
    def sent(self) -> int:
        """Return how many requests were sent, retries included."""
        return self.run_budget.sent

    @property
    def unsafe(self) -> int:
        """Return how many of the sent requests were not read-only."""
        return self.run_budget.unsafe

    @property
    def remaining(self) -> int:
        """Return how many requests may still be sent."""
        return self.run_budget.remaining

    @property
    def sent_by_operation(self) -> Counter[str]:
        """Return how many requests were sent, by operation id."""
        return self.run_budget.by_operation

    def send(self, call: Call) -> Exchange:
        """Send `call` and return its exchange; after retries of a 429 or 503, the last one.

        Raise UnsafeRequestError for a call that the mode of the target forbids, and BudgetExhaustedError if no request
        is left. Nothing is sent in either case.
        """
        attempts = self._attempts(call)
        if self._on_exchange:
            for exchange in attempts.exchanges:
                self._on_exchange(exchange)
        if attempts.error and not attempts.exchanges:
            raise attempts.error
        return attempts.exchanges[-1]

    def send_all(self, calls: Sequence[Call]) -> list[Attempts]:
        """Send independent `calls`, as many at once as the target allows, and return their attempts in order.

        What `send` would raise is the error of the attempts. After Ctrl-C the calls without a response have it as
        their error.
        """
        affordable = calls[: max(0, self.remaining)]
        if self.target.concurrency == 1 or len(affordable) < 2:
            return self._send_in_turn(calls)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.target.concurrency, "whopwatch-request")
        futures = [self._threads.submit(self._attempts, call) for call in affordable]
        try:
            made = [future.result() for future in futures]
        except KeyboardInterrupt as interrupt:
            complete = [future.result() for future in takewhile(Future.done, futures[: len(calls) - 1])]
            self.close()  # ends the requests in progress
            return [*complete, *[Attempts(error=interrupt)] * (len(calls) - len(complete))]
        return [*made, *self._send_in_turn(calls[len(made) :])]

    def _send_in_turn(self, calls: Sequence[Call]) -> list[Attempts]:
        made: list[Attempts] = []
        for call in calls:
            try:
                made.append(self._attempts(call))
            except KeyboardInterrupt as interrupt:
                return [*made, *[Attempts(error=interrupt)] * (len(calls) - len(made))]
        return made

    def _attempts(self, call: Call) -> Attempts:
        """Send `call`, again after a 429 or 503, and return every attempt."""
        made: list[Exchange] = []
        try:
            url, attempt = url_of(call, self.target), 1
            while True:
                timer = self.sender.timer()
                exchange = self._attempt(call, url, attempt, timer)
                if exchange.failure and self.run_budget.seconds_left <= 0:
                    self.run_budget.check()  # the run ended the attempt, not the target
                made.append(exchange)
                if not _met_closed_connection(exchange, timer, call):
                    if not self._is_retried(exchange):
                        return Attempts(made)
                    attempt += 1
        except WhopwatchError as error:
            return Attempts(made, error)

    def _is_retried(self, exchange: Exchange) -> bool:
        """Return whether the call is retried; hold its operation back as long as the server asks."""
        wait = wait_before_next(exchange, self._limits)
        if wait is None:
            if exchange.status is not None:
                self._allow_all_waits()
            self._hold_at_limit(exchange)
            return False
        if exchange.status == 429:
            self._pacer.slow_down()
        bounded = min(wait, self._limits.retry_wait)
        if bounded > self.run_budget.seconds_left or not self._hold(exchange.operation, bounded):
            return False
        return wait == bounded and self.remaining > 0 and exchange.attempt <= self._limits.retries

    def _hold_at_limit(self, exchange: Exchange) -> None:
        """Hold the operation back if no request of the limit is left: others may spend it with the same key."""
        wait = min(wait_until_reset(exchange), self._limits.retry_wait)
        if wait > 0:
            self._hold(exchange.operation, wait, or_less=True)

    def _allow_all_waits(self) -> None:
        """Raise the limit of all waits from `first_total_wait` to `total_wait`, once."""
        with self._waits:
            if not self._is_served:
                self._is_served = True
                self._wait_left += self._limits.total_wait - self._limits.first_total_wait

    def _hold(self, operation: str, seconds: float, *, or_less: bool = False) -> bool:
        """Hold `operation` back for `seconds` and count them; return False if less time is left for waits.

        With `or_less`, hold it back for the time that is left.
        """
        with self._waits:
            if seconds > self._wait_left:
                if not or_less:
                    return False
                seconds = self._wait_left
            self._wait_left -= seconds
            self.waited += seconds
        self._pacer.hold(operation, seconds)
        return True

    def _attempt(self, call: Call, url: str, attempt: int, timer: AttemptTimer) -> Exchange:
        headers: tuple[tuple[str, str], ...] = ()
        status, body, failure = None, b"", None
        try:
            response = self.sender.send(self._request(call, url), call.credential, timer)
        except RequestFailedError as error:
            failure = error.failure
        else:
            status = response.status
            headers = redact_headers(response.headers)
            body = redact(bytes(response.body))
            self.run_budget.weigh(memory_weight(body))
        phases = timer.phases()
        return Exchange(
            operation=call.operation.id,
            purpose=call.purpose,
            method=call.operation.method,
            url=url,
            path_params=dict(call.path_params),
            query=call.query,
            request_body=call.body,
            credential=call.credential,
            status=status,
            headers=headers,
            body=body,
            failure=failure,
            phases=phases,
            started_at=self._wall() - phases.total,
            attempt=attempt,
        )

    def _request(self, call: Call, url: str) -> HttpRequest:
        given = {name.lower() for name, _ in call.headers}
        headers = [*(header for header in self._headers if header[0].lower() not in given), *call.headers]
        body = None
        if call.body is not None:
            body = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
            headers.append(("Content-Type", "application/json"))
        return HttpRequest(call.operation.method, url, tuple(headers), body)


def _met_closed_connection(exchange: Exchange, timer: AttemptTimer, call: Call) -> bool:
    """Return whether a read used a connection that the server had closed meanwhile.

    That is no response of the API, so the read is sent again (RFC 9112, 9.3.1); it counts as sent, and the run reports
    it as an incident. The loop ends: the next connection is another one, and at last a new one.
    """
    return exchange.failure is Failure.RESET and timer.met_a_closed_connection and call.operation.is_read
