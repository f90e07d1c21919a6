"""Keys, their scopes, and how often each may be used."""

from __future__ import annotations

import fnmatch
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.simulator.problem import ApiError


@dataclass(frozen=True, slots=True)
class Key:
    """One API key and what it may do. `kind` is `company` or `app`, as the reference tells them apart."""

    value: str
    kind: str
    scopes: frozenset[str]


@dataclass
class Keys:
    """The keys of one company. With `lenient` any key is as good as the company's own."""

    known: Mapping[str, Key]
    lenient: bool = False

    def find(self, header: str | None) -> Key | None:
        """The key of an `Authorization` header, None where it has none that is known."""
        scheme, _, value = (header or "").partition(" ")
        return self.known.get(value.strip()) if scheme.lower() == "bearer" else None

    def authenticate(self, header: str | None, operation: Operation) -> str:
        """The key of an `Authorization` header, once it may call `operation`; `public` where none is needed.

        Raises ApiError 401 for a missing or unknown key, 403 for one without the operation's scopes.
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
    """Every scope that some operation asks for."""
    return frozenset(scope for operation in contract.operations.values() for scope in operation.scopes)


@dataclass(frozen=True, slots=True)
class Grant:
    """A key that is to be handed out under a name. `scopes` are names of scopes, or patterns of them (`*:read`)."""

    name: str
    kind: Literal["company", "app"]
    scopes: Sequence[str]


def granted(contract: Contract, grants: Sequence[Grant], seed: int) -> dict[str, Key]:
    """The keys of `grants`, by name. Raises UsageError for a scope, or a pattern, that no operation asks for."""
    known = sorted(scopes_of(contract))
    keys = {}
    for grant in grants:
        allowed: set[str] = set()
        for wanted in grant.scopes:
            found = fnmatch.filter(known, wanted)
            if not found:
                raise UsageError(
                    f"There is no scope {wanted!r} in the contract.",
                    where=f"the key {grant.name!r}",
                    expected="a scope such as payment:basic:read, or a pattern such as *:read",
                    hint=did_you_mean(wanted, known) or "`whopwatch contract show OP` names those of an operation",
                )
            allowed.update(found)
        keys[grant.name] = Key(derived_key(seed, grant.name), grant.kind, frozenset(allowed))
    return keys


def derived_key(seed: int, name: str) -> str:
    """A key that follows from the seed, so that two runs of a simulator take the same one."""
    return f"{name}_simulated_{hmac.digest(name.encode(), str(seed).encode(), sha256).hex()[:24]}"


@dataclass
class RateLimit:
    """A fixed window of requests for each key and what they are counted for.

    Once it is used up, it stays closed for `cool_down` seconds, where those are given; else until it ends.
    """

    requests: int
    seconds: float
    clock: Callable[[], float]
    cool_down: float = 0.0
    _windows: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def spend(self, counted_for: str, key: str) -> None:
        """Count one request; raises ApiError 429 once the window is used up."""
        now = self.clock()
        ends, count = self._windows.get((counted_for, key), (now, 0))
        if now >= ends:
            ends, count = now + self.seconds, 0
        if count >= self.requests:
            if count == self.requests and self.cool_down:
                self._windows[counted_for, key] = (now + self.cool_down, count + 1)
            raise ApiError(429, "Too many requests. Slow down.")
        self._windows[counted_for, key] = (ends, count + 1)


def limits(contract: Contract, requests: int, seconds: float, clock: Callable[[], float]) -> dict[str, RateLimit]:
    """The rate limit of each API version: of v1 the given one, of the others in the proportion that is documented."""
    documented = {api: document["x-rate-limit"] for api, document in contract.documents.items()}
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
