"""API keys, their scopes and rate limits, and requests that are repeated with the same `Idempotency-Key`."""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from starlette.responses import Response

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.simulator.api.errors import ApiError
from whopwatch.simulator.api.pipeline import ApiCall

_USUAL_LIMIT = {"requests": 600, "seconds": 60}
"""For a document that states none."""
REPLAYED_HEADER = "Idempotent-Replayed"
REPLAYS_KEPT = 10_000
REPLAY_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One API key and its scopes. `kind` is `company` or `app`."""

    value: str
    kind: str
    scopes: frozenset[str]


@dataclass
class KeyStore:
    """The known keys. With `lenient`, every key is accepted as the company's own."""

    known: Mapping[str, ApiKey]
    lenient: bool = False

    def find(self, header: str | None) -> ApiKey | None:
        """Return the key in an `Authorization` header, None if it is unknown."""
        scheme, _, value = (header or "").partition(" ")
        return self.known.get(value.strip()) if scheme.lower() == "bearer" else None

    def authenticate(self, header: str | None, operation: Operation) -> str:
        """Return the value of the key that may call `operation`; `public` if the operation needs none.

        Raise ApiError 401 for a missing or unknown key, 403 for a key without the operation's scopes.
        """
        key = self.find(header)
        if operation.is_public:
            return key.value if key else "public"
        if self.lenient:
            return (header or "").partition(" ")[2] or "anonymous"
        if key is None:
            raise ApiError(401, "The API key is missing or not valid.")
        if not key.scopes.issuperset(operation.scopes) or (operation.api == "v2" and not key.scopes):
            raise ApiError(403, "The API key lacks a permission that this operation needs.")
        return key.value


def scopes_of(contract: Contract) -> frozenset[str]:
    """Return every scope that an operation requires."""
    return frozenset(scope for operation in contract.operations.values() for scope in operation.scopes)


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """A named key to create. `scopes` are scopes or patterns of scopes (`*:read`)."""

    name: str
    kind: Literal["company", "app"]
    scopes: Sequence[str]


def keys_of_grants(contract: Contract, grants: Sequence[KeyGrant], seed: int) -> dict[str, ApiKey]:
    """Return the keys of `grants` by name. Raise UsageError for a scope or pattern that no operation requires."""
    known = sorted(scopes_of(contract))
    keys = {}
    for grant in grants:
        allowed: set[str] = set()
        for wanted in grant.scopes:
            found = fnmatch.filter(known, wanted)
            if not found:
                raise UsageError(
                    f"Unknown scope {wanted!r}.",
                    where=f"the key {grant.name!r}",
                    expected="a scope such as payment:basic:read, or a pattern such as *:read",
                    hint=did_you_mean(wanted, known) or "`whopwatch contract show OP` lists the scopes of an operation",
                )
            allowed.update(found)
        keys[grant.name] = ApiKey(derived_key(seed, grant.name), grant.kind, frozenset(allowed))
    return keys


def derived_key(seed: int, name: str) -> str:
    """Return a key derived from the seed: every simulator with this seed accepts it."""
    return f"{name}_simulated_{hmac.digest(name.encode(), str(seed).encode(), sha256).hex()[:24]}"


@dataclass
class RateLimit:
    """At most `requests` per key and counter in a fixed window of `seconds`.

    After that, requests are rejected for `cool_down` seconds if that is set, else until the window ends.
    """

    requests: int
    seconds: float
    clock: Callable[[], float]
    cool_down: float = 0.0
    _windows: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def count(self, counter: str, key: str) -> None:
        """Count one request. Raise ApiError 429 if the window has no requests left."""
        now = self.clock()
        ends, count = self._windows.get((counter, key), (now, 0))
        if now >= ends:
            ends, count = now + self.seconds, 0
        if count >= self.requests:
            if count == self.requests and self.cool_down:
                self._windows[counter, key] = (now + self.cool_down, count + 1)
            raise ApiError(429, "Too many requests. Slow down.")
        self._windows[counter, key] = (ends, count + 1)


def rate_limits(contract: Contract, requests: int, seconds: float, clock: Callable[[], float]) -> dict[str, RateLimit]:
    """Return the rate limit of each API: the given one for v1, the others in the documented proportion."""
    documented = {api: document.get("x-rate-limit", _USUAL_LIMIT) for api, document in contract.documents.items()}
    usual = documented["v1"]
    return {
        api: RateLimit(
            max(1, requests * limit["requests"] // usual["requests"]),
            seconds * limit["seconds"] / usual["seconds"],
            clock,
            seconds * limit.get("cool_down_seconds", 0) / usual["seconds"],
        )
        for api, limit in documented.items()
    }


@dataclass
class Idempotency:
    """The responses to POSTs by key. The newest are kept, at most REPLAYS_KEPT of together REPLAY_BYTES."""

    _answers: dict[tuple[str, str, str], tuple[bytes, Response]] = field(default_factory=dict)
    _bytes: int = 0

    def replay(self, call: ApiCall) -> None:
        """Answer a repeated request. Raise ApiError 400 if its body differs from the first one."""
        slot = self._slot(call)
        known = self._answers.get(slot) if slot else None
        if known is None:
            return
        digest, response = known
        if digest != hashlib.sha256(call.raw_body).digest():
            raise ApiError(
                400,
                "This Idempotency-Key was used with another body.",
                code="parameter_invalid",
                param="Idempotency-Key",
            )
        headers = {**dict(response.headers), REPLAYED_HEADER: "true"}
        call.response = Response(bytes(response.body), response.status_code, headers)

    def remember(self, call: ApiCall, response: Response) -> None:
        """Keep the response to an executed request."""
        slot = self._slot(call)
        if slot and response.status_code < 400 and REPLAYED_HEADER.lower() not in response.headers:
            self._forget(slot)
            self._answers[slot] = (hashlib.sha256(call.raw_body).digest(), response)
            self._bytes += _size(slot, response)
            while len(self._answers) > REPLAYS_KEPT or self._bytes > REPLAY_BYTES:
                self._forget(next(iter(self._answers)))

    def _forget(self, slot: tuple[str, str, str]) -> None:
        known = self._answers.pop(slot, None)
        if known:
            self._bytes -= _size(slot, known[1])

    @staticmethod
    def _slot(call: ApiCall) -> tuple[str, str, str] | None:
        key = call.headers.get("idempotency-key")
        if key is None or call.method != "POST" or call.operation is None:
            return None
        return call.key, f"{call.operation.id} {call.path}", key


def _size(slot: tuple[str, str, str], response: Response) -> int:
    return sum(map(len, slot)) + len(response.body)
