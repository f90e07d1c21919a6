"""Send only requests that the guard allows, with the right key, at the allowed rate and within the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from whopwatch import __version__
from whopwatch.config import Secret, Target
from whopwatch.contract import Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.errors import UnsafeRequestError, UsageError
from whopwatch.core.exchange import Credential
from whopwatch.http.guard import Guard
from whopwatch.http.limits import Limits, Pacer, RunBudget
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse, Transport

WRONG_KEY = "whopwatch-wrong-key"
"""A key that no API ever issued."""
ACCEPT_ENCODING = "gzip"


class CredentialKeys:
    """The keys of a client by the kind of credential."""

    def __init__(self, key: Secret | None, unscoped: Secret | None) -> None:
        self._keys = {"key": key, "unscoped": unscoped, "none": None}

    def authorization(self, credential: Credential) -> str | None:
        """Return the Authorization header for `credential`, None for no header.

        Raise UsageError for `unscoped` if the client has no such key.
        """
        if credential == "wrong":
            return f"Bearer {WRONG_KEY}"
        key = self._keys[credential]
        if key is None and credential == "unscoped":
            raise UsageError("The client has no key without scope.", hint="pass Client(unscoped_key=...)")
        return f"Bearer {key.reveal()}" if key else None


def default_headers(target: Target) -> tuple[tuple[str, str], ...]:
    """Return the headers of every request to `target`, apart from its key."""
    headers = (
        ("User-Agent", f"whopwatch/{__version__}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", ACCEPT_ENCODING),
    )
    return (*headers, (VERSION_HEADER, target.version_header)) if target.version_header else headers


class GuardedSender:
    """Passes requests that the guard allows to `transport`: at the allowed rate, counted, and with their key."""

    def __init__(
        self,
        transport: Transport,
        guard: Guard,
        run_budget: RunBudget,
        pacer: Pacer,
        keys: CredentialKeys,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._guard = guard
        self._run_budget = run_budget
        self._pacer = pacer
        self._keys = keys
        self._limits = limits
        self._clock = clock

    def timer(self) -> AttemptTimer:
        """Return the timer of one attempt."""
        return AttemptTimer(self._clock, min(self._limits.deadline, self._run_budget.seconds_left))

    def send(self, request: HttpRequest, credential: Credential, timer: AttemptTimer) -> RawResponse:
        """Send `request` with the key of `credential`, unless it has an Authorization header, and return the response.

        Raise UnsafeRequestError and BudgetExhaustedError before anything is sent, and RequestFailedError without a
        readable response.
        """
        operation = self._admit(request)
        self._keys.authorization(credential)  # raises UsageError for a key that the client does not have
        self._run_budget.check()
        self._pacer.wait(operation.id)
        self._run_budget.spend(operation)
        timer.start()
        try:
            return self._transport.send(self._with_key(request, credential), timer)
        except BaseException as error:
            forget_frames(error)
            raise

    def _with_key(self, request: HttpRequest, credential: Credential) -> HttpRequest:
        authorization = self._keys.authorization(credential)
        if authorization is None or any(name.lower() == "authorization" for name, _ in request.headers):
            return request
        return replace(request, headers=(*request.headers, ("Authorization", authorization)))

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def _admit(self, request: HttpRequest) -> Operation:
        reason = self._guard.refuse(request.method, request.url, dict(request.headers), request.body is not None)
        operation = self._guard.operation(request.method, request.url)
        if reason or operation is None:
            raise UnsafeRequestError(
                f"A request was not sent: {reason}.",
                where=operation.id if operation else None,
                expected="a documented request that the mode of the target allows",
            )
        return operation


def forget_frames(error: BaseException | None) -> None:
    """Remove the stack frames of `error` and of its causes: their variables contain the key."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
