"""An httpx transport that sends only safe requests, at the allowed rate and within the budget."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from whopwatch.contract import Operation
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.redaction import redact
from whopwatch.http.credentials import CredentialKeys
from whopwatch.http.guard import Guard
from whopwatch.http.limits import Limits, Pacer, RunBudget
from whopwatch.http.network import TIMER
from whopwatch.http.response import forget_frames
from whopwatch.http.timing import AttemptTimer

CREDENTIAL = "whopwatch.credential"
"""The extension of an httpx.Request that names its credential; without it the key of the target is sent."""

_EXTENSIONS = frozenset({TIMER, CREDENTIAL, "timeout"})


class GuardedTransport(httpx.BaseTransport):
    """Passes requests that the guard allows to `inner`: at the allowed rate, counted, and with their key.

    Raises UnsafeRequestError and BudgetExhaustedError before anything is sent, otherwise what `inner` raises.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        guard: Guard,
        run_budget: RunBudget,
        pacer: Pacer,
        keys: CredentialKeys,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._guard = guard
        self._run_budget = run_budget
        self._pacer = pacer
        self._keys = keys
        self._limits = limits
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` if the guard allows it, and return the response."""
        operation = self._admit(request)
        timer = request.extensions.get(TIMER)
        if timer is None:
            timer = request.extensions[TIMER] = AttemptTimer(self._clock, self._limits.deadline)
        own_key = "authorization" not in request.headers
        try:
            if own_key:
                self._authorize(request)
            self._run_budget.spend(operation)
            self._pacer.wait(operation.id)
            timer.start()
            return self._inner.handle_request(request)
        except BaseException as error:
            forget_frames(error)
            raise
        finally:
            if own_key:
                request.headers.pop("authorization", None)

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    def _admit(self, request: httpx.Request) -> Operation:
        method, url = request.method, str(request.url)
        reason = self._guard.refuse(method, url, request.headers, bool(request.read()))
        operation = self._guard.operation(method, url)
        if not _EXTENSIONS.issuperset(request.extensions):
            reason = reason or "an extension could change its destination"
        if redact(url) != url:
            reason = reason or "the URL contains the key"
        if reason or operation is None:
            raise UnsafeRequestError(
                f"A request was not sent: {reason}.",
                where=operation.id if operation else None,
                expected="a documented request that the mode of the target allows",
            )
        return operation

    def _authorize(self, request: httpx.Request) -> None:
        authorization = self._keys.authorization(request.extensions.get(CREDENTIAL, "key"))
        if authorization:
            request.headers["authorization"] = authorization
