"""The client that probes use: one attempt on a socket of its own, behind the same guard as every other client.

The client of other runs keeps connections, retries and waits. A probe must not: a retry would hide the failure that it
is to measure. It returns the same kind of Exchange.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange
from whopwatch.core.redaction import redact, redact_headers
from whopwatch.http.call import Call, url_of
from whopwatch.http.guard import Guard
from whopwatch.http.limits import Limits
from whopwatch.http.sender import CredentialKeys, default_headers
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network, RequestFailedError

REQUESTS_CACHED = 512
"""Requests kept. The guard's decision depends on the URL alone, so it holds for every repetition."""


class ProbeClient:
    """Send calls to one target, read-only even if the target is writable. Thread-safe.

    `clock` is monotonic, `wall` since the epoch, both in seconds.
    """

    def __init__(
        self,
        target: Target,
        contract: Contract,
        *,
        fresh: bool = True,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.target = replace(target, writable=False)
        self._guard = Guard(self.target, contract)
        self._limits = limits
        self._clock = clock
        self._wall = wall
        self._keys = CredentialKeys(target.api_key, None)
        self._requests: dict[object, HttpRequest] = {}
        self._network = Network((target.base_url, target.v2_base_url), limits, fresh=fresh)
        self._headers = (*default_headers(target), ("Connection", "close" if fresh else "keep-alive"))

    def close(self) -> None:
        """Close every connection; probes in progress fail, and no further one is sent."""
        self._network.close()

    def send(self, call: Call, seconds: float) -> Exchange:
        """Make one attempt of at most `seconds`. Every network failure is returned as part of the Exchange.

        Raises UnsafeRequestError, before anything is sent, for a call that is not a documented GET.
        """
        request = self._checked(call)
        timer = AttemptTimer(self._clock, seconds)
        started_at = self._wall()
        status, body, failure = None, b"", None
        headers: tuple[tuple[str, str], ...] = ()
        try:
            response = self._network.send(request, timer)
        except RequestFailedError as error:
            phases, failure = timer.phases(), error.failure
        else:
            phases, status = response.phases, response.status
            headers = redact_headers(response.headers)
            body = redact(bytes(response.body))
        return Exchange(
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
