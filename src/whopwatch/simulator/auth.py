"""Keys, their scopes, and how often each may be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from whopwatch.contract import Contract, Operation
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


@dataclass
class RateLimit:
    """A fixed window of requests for each operation and key."""

    requests: int
    seconds: float
    clock: Callable[[], float]
    _windows: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def spend(self, operation: str, key: str) -> None:
        """Count one request; raises ApiError 429 once the window is used up."""
        now = self.clock()
        began, count = self._windows.get((operation, key), (now, 0))
        if now - began >= self.seconds:
            began, count = now, 0
        if count >= self.requests:
            raise ApiError(429, "Too many requests for this operation. Slow down.")
        self._windows[operation, key] = (began, count + 1)
