"""The door: an httpx transport that nothing unsafe, unpaced or over budget passes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import httpx

from whopwatch.contract import Operation
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.http.failures import forget_frames
from whopwatch.http.guard import Guard
from whopwatch.http.keys import Keys, redact
from whopwatch.http.limits import Limits
from whopwatch.http.network import WATCH
from whopwatch.http.pacing import Pacer
from whopwatch.http.watch import Watch

CREDENTIAL = "whopwatch.credential"
"""The extension of an httpx.Request that names its Credential; without it the target's key is sent."""

_EXTENSIONS = frozenset({WATCH, CREDENTIAL, "timeout"})


class Ledger:
    """Counts what leaves, and refuses what exceeds the budget."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.sent = 0
        self.unsafe = 0
        self.by_operation: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def remaining(self) -> int:
        """How many requests may still leave."""
        return self.budget - self.sent

    def spend(self, operation: Operation) -> None:
        """Count one request of `operation`; raises BudgetExhaustedError where none is left."""
        with self._lock:
            if self.remaining <= 0:
                raise BudgetExhaustedError(
                    f"The budget of {self.budget} requests is spent.",
                    where=operation.id,
                    hint="raise --budget, or select fewer operations",
                )
            self.sent += 1
            self.unsafe += not operation.is_read
            self.by_operation[operation.id] += 1


class GuardedTransport(httpx.BaseTransport):
    """Passes to `inner` what the guard lets through, paced, counted and with the key that belongs to it.

    Raises UnsafeRequestError and BudgetExhaustedError before anything leaves, else what `inner` raises.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        guard: Guard,
        ledger: Ledger,
        pacer: Pacer,
        keys: Keys,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._guard = guard
        self._ledger = ledger
        self._pacer = pacer
        self._keys = keys
        self._limits = limits
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response to `request`, if it may be sent."""
        operation = self._admit(request)
        watch = request.extensions.get(WATCH)
        if watch is None:
            watch = request.extensions[WATCH] = Watch(self._clock, self._limits.deadline)
        own_key = "authorization" not in request.headers
        try:
            if own_key:
                self._authorize(request)
            self._ledger.spend(operation)
            self._pacer.wait(operation.id)
            watch.start()
            return self._inner.handle_request(request)
        except BaseException as error:
            forget_frames(error)
            raise
        finally:
            if own_key:
                request.headers.pop("authorization", None)

    def close(self) -> None:
        """Close what is behind the door."""
        self._inner.close()

    def _admit(self, request: httpx.Request) -> Operation:
        method, url = request.method, str(request.url)
        reason = self._guard.refuse(method, url, request.headers, bool(request.read()))
        operation = self._guard.operation(method, url)
        if not _EXTENSIONS.issuperset(request.extensions):
            reason = reason or "an extension may change where the request goes"
        if redact(url, self._keys.secrets) != url:
            reason = reason or "the URL holds the key"
        if reason or operation is None:
            raise UnsafeRequestError(
                f"A request was not sent: {reason}.",
                where=operation.id if operation else None,
                expected="a documented request that the target's mode allows",
            )
        return operation

    def _authorize(self, request: httpx.Request) -> None:
        authorization = self._keys.authorization(request.extensions.get(CREDENTIAL, "key"))
        if authorization:
            request.headers["authorization"] = authorization
