"""Calls in, Exchanges out: whatever the wire does comes back as a record, never as an exception."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from whopwatch import __version__
from whopwatch.config import Secret, Target
from whopwatch.contract import Contract
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.http.body import ACCEPT_ENCODING, check_headers, read_body
from whopwatch.http.call import Call, url_of
from whopwatch.http.failures import UnreadableError, classify
from whopwatch.http.guard import Guard
from whopwatch.http.keys import Keys, redact
from whopwatch.http.limits import Limits, Rate
from whopwatch.http.network import WATCH, NetworkTransport
from whopwatch.http.pacing import Pacer
from whopwatch.http.retry import wait_before_next
from whopwatch.http.transport import CREDENTIAL, GuardedTransport, Ledger
from whopwatch.http.watch import Watch


class Client:
    """Sends the calls of one run to one target.

    `budget` is the number of requests that may leave, retries included. `transport` stands in for the network
    (httpx.MockTransport, a respx router); the guard, the pacing and the bounds stay in front of it.
    `on_exchange` is given every attempt, so also those before the last one of a call. `unscoped_key` is a
    valid key without any scope, for calls that want one. `clock` and `wall` are in seconds, monotonic and
    since the epoch.

    Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        target: Target,
        contract: Contract,
        *,
        budget: int,
        transport: httpx.BaseTransport | None = None,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        wall: Callable[[], float] = time.time,
        on_exchange: Callable[[Exchange], None] | None = None,
        unscoped_key: Secret | None = None,
    ) -> None:
        self.target = target
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._on_exchange = on_exchange
        self._keys = Keys(target.api_key, unscoped_key)
        self._ledger = Ledger(budget)
        overall = Rate(burst=1, per_second=target.rate) if target.rate else None
        self._pacer = Pacer(limits.rate, overall, clock, sleep)
        self._patience = limits.patience
        inner = transport or NetworkTransport((target.base_url, target.v2_base_url), limits)
        self.transport = GuardedTransport(
            inner, Guard(target, contract), self._ledger, self._pacer, self._keys, limits, clock
        )
        self._headers = _default_headers(target)

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
        """Close every connection."""
        self.transport.close()

    @property
    def sent(self) -> int:
        """How many requests have left, retries included."""
        return self._ledger.sent

    @property
    def unsafe(self) -> int:
        """How many of those were not read-only."""
        return self._ledger.unsafe

    @property
    def remaining(self) -> int:
        """How many requests may still leave."""
        return self._ledger.remaining

    @property
    def sent_by_operation(self) -> Counter[str]:
        """How many requests have left, by operation id."""
        return self._ledger.by_operation

    def redact(self, text: str) -> str:
        """`text`, for instance a foreign library's message, without the client's keys."""
        return redact(text, self._keys.secrets)

    def send(self, call: Call) -> Exchange:
        """Send `call` and return what came of it; for a 429 or 503 sent again, what came of it last.

        Raises UnsafeRequestError for a call that the target's mode forbids and BudgetExhaustedError where no
        request is left; nothing has been sent then.
        """
        url = url_of(call, self.target)
        attempt = 1
        while True:
            watch = Watch(self._clock, self._limits.deadline)
            exchange = self._attempt(call, url, attempt, watch)
            if _says_nothing(exchange, watch, call):
                continue
            if self._on_exchange:
                self._on_exchange(exchange)
            if not self._comes_back(exchange):
                return exchange
            attempt += 1

    def _comes_back(self, exchange: Exchange) -> bool:
        """Whether the call is sent again; its operation is left alone as long as the server asks for."""
        wait = wait_before_next(exchange, self._limits)
        if wait is None:
            return False
        bounded = min(wait, self._limits.retry_wait)
        if bounded > self._patience:
            return False
        self._patience -= bounded
        self._pacer.hold(exchange.operation, bounded)
        return wait == bounded and self.remaining > 0 and exchange.attempt <= self._limits.retries

    def _attempt(self, call: Call, url: str, attempt: int, watch: Watch) -> Exchange:
        headers: tuple[tuple[str, str], ...] = ()
        status, body, failure = None, b"", None
        try:
            response = self.transport.handle_request(self._request(call, url, watch))
            try:
                check_headers(response.headers, self._limits)
                headers = self._recorded(response.headers)
                body = redact(read_body(response, self._limits, watch), self._keys.secrets)
                status = response.status_code
            finally:
                response.stream.close()  # type: ignore[union-attr]
        except httpx.TransportError as error:
            failure = classify(error, watch)
        except UnreadableError as error:
            failure = error.failure
        phases = watch.phases()
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

    def _request(self, call: Call, url: str, watch: Watch) -> httpx.Request:
        given = {name.lower() for name, _ in call.headers}
        headers = [*(header for header in self._headers if header[0].lower() not in given), *call.headers]
        content = None
        if call.body is not None:
            content = json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()
            headers.append(("Content-Type", "application/json"))
        extensions = {WATCH: watch, CREDENTIAL: call.credential}
        try:
            return httpx.Request(call.operation.method, url, headers=headers, content=content, extensions=extensions)
        except httpx.InvalidURL:
            raise UnsafeRequestError(
                "A request was not sent: its URL is longer than any server takes.", where=call.operation.id
            ) from None

    def _recorded(self, headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
        """The response's headers as an Exchange keeps them: names in lower case, no key in any value."""
        secrets = self._keys.secrets
        return tuple(
            (name.decode("latin-1").lower(), redact(value.decode("latin-1"), secrets)) for name, value in headers.raw
        )


def _says_nothing(exchange: Exchange, watch: Watch, call: Call) -> bool:
    """Whether a read met a connection that the server had closed meanwhile.

    That is no answer of the API, and HTTP (RFC 9112, 9.3.1) has the read sent again. It was counted as sent. The
    next connection is another one, and in the end a new one, of which this cannot be said.
    """
    return exchange.failure is Failure.RESET and watch.met_a_closed_connection and call.operation.is_read


def _default_headers(target: Target) -> list[tuple[str, str]]:
    headers = [
        ("User-Agent", f"whopwatch/{__version__}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", ACCEPT_ENCODING),
    ]
    if target.version_header:
        headers.append(("Api-Version-Date", target.version_header))
    return headers
