"""The probes' way out: the guard of every client in front of a socket of their own.

The client that other runs use keeps connections, retries and waits; a probe makes one attempt. What may leave is
decided by the same guard, and an Exchange comes back in the same shape.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from whopwatch import __version__
from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange
from whopwatch.http.call import Call, url_of
from whopwatch.http.guard import Guard
from whopwatch.http.keys import Keys, redact
from whopwatch.http.limits import Limits
from whopwatch.http.watch import Watch
from whopwatch.prober.origin import Origin, WireError
from whopwatch.prober.wire import fetch

MOST_REQUESTS = 512
"""Requests kept ready. The guard judges a URL, and what it let pass it lets pass again."""


class Door:
    """Sends calls to one target, read-only whatever the target allows. Safe to use from several threads.

    Times of `clock` are monotonic, of `wall` since the epoch, both in seconds.
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
        self._keys = Keys(target.api_key, None)
        self._requests: dict[object, tuple[str, bytes]] = {}
        self._netlocs = {api: urlsplit(base) for api, base in _bases(target).items()}
        origins = {(url.scheme, url.netloc): Origin(url.geturl(), fresh=fresh) for url in self._netlocs.values()}
        self._origins = {api: origins[url.scheme, url.netloc] for api, url in self._netlocs.items()}
        self._headers = {
            "User-Agent": f"whopwatch/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Connection": "close" if fresh else "keep-alive",
        }
        if target.api_version_date:
            self._headers["Api-Version-Date"] = target.api_version_date

    def close(self) -> None:
        """Close every idle connection."""
        for origin in self._origins.values():
            origin.close()

    def send(self, call: Call, seconds: float) -> Exchange:
        """Make one attempt that takes at most `seconds`; whatever the wire does ends in the Exchange.

        Raises UnsafeRequestError, before anything leaves, for a call that is no documented GET.
        """
        url, request = self._ready(call)
        watch = Watch(self._clock, seconds)
        started_at = self._wall()
        status, body, failure = None, b"", None
        headers: tuple[tuple[str, str], ...] = ()
        try:
            answer = fetch(self._origins[call.operation.api], request, watch, self._limits)
        except WireError as error:
            phases, failure = watch.phases(), error.failure
        else:
            phases, status = answer.phases, answer.status
            secrets = self._keys.secrets
            headers = tuple([(name, redact(value, secrets)) for name, value in answer.headers])
            body = redact(bytes(answer.body), secrets)
        return Exchange(
            operation=call.operation.id,
            purpose=call.purpose,
            method=call.operation.method,
            url=url,
            path_params=dict(call.path_params),
            query=call.query,
            status=status,
            headers=headers,
            body=body,
            failure=failure,
            phases=phases,
            started_at=started_at,
        )

    def _ready(self, call: Call) -> tuple[str, bytes]:
        """The URL of `call`, and its request as bytes."""
        if call.headers or call.credential != "key" or call.body is not None:
            raise UnsafeRequestError("A probe was to be sent other than with the key alone.", where=call.operation.id)
        asked = call.operation.id, call.template, tuple(call.path_params.items()), call.query
        ready = self._requests.get(asked)
        if ready is None:
            url = url_of(call, self.target)
            ready = url, self._request(call, url)
            if len(self._requests) >= MOST_REQUESTS:
                self._requests.clear()
            self._requests[asked] = ready
        return ready

    def _request(self, call: Call, url: str) -> bytes:
        """The bytes of the request, once the guard has let it pass; the key is added after that."""
        host = self._netlocs[call.operation.api].netloc
        headers = {"Host": host, **self._headers}
        reason = self._guard.refuse(call.operation.method, url, headers, has_body=False)
        if redact(url, self._keys.secrets) != url:
            reason = reason or "the URL holds the key"
        if reason:
            raise UnsafeRequestError(
                f"A request was not sent: {reason}.",
                where=call.operation.id,
                expected="a documented request that changes nothing",
            )
        authorization = self._keys.authorization("key")
        if authorization:
            headers["Authorization"] = authorization
        path = url[url.index("/", url.index("//") + 2) :]
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1")


def _bases(target: Target) -> dict[str, str]:
    return {"v1": target.base_url, "v2": target.v2_base_url}
