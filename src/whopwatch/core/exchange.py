"""One request and its response, or the reason why none was received.

Every check reads exchanges: live, simulated, recorded and probed traffic has this one form. An exchange never contains
the `Authorization` header; `credential` says which kind of key was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

from whopwatch.core.strict_json import BodyProblem, parse_json

Credential = Literal["key", "none", "wrong", "unscoped"]
"""Which credential a request carried: the target's own key, none, an invalid one, or a valid one without scope."""

_RATE_POLICY = re.compile(r"(?:^|,)\s*(?:\"?[\w-]{0,60}\"?\s*;\s*q=)?(\d{1,9})\s*;\s*w=(\d{1,9})\b", re.ASCII)
KEPT_BODY = 16 << 10
"""Bytes: the body of a larger response is dropped once it is parsed."""


class Purpose(StrEnum):
    """The step of the plan that sent a request. Checks select their evidence by it; the values are part of the JSON."""

    LIST = "list"
    """The first page of a list, requested with `first` and the required parameters only."""
    NEXT_PAGE = "next-page"
    """The page after a cursor: `after` is the `end_cursor` of the page before it."""
    PREVIOUS_PAGE = "previous-page"
    """The page before a cursor: the query has `last` and `before`."""
    RETRIEVE = "retrieve"
    """One object by its id (or ids), or any other read that is neither a list nor an experiment."""
    NO_KEY = "no-key"
    """A request that succeeded before, without a key."""
    WRONG_KEY = "wrong-key"
    """A request that succeeded before, with an invalid key."""
    NO_SCOPE = "no-scope"
    """A request that succeeded before, with a valid key that has no permission."""
    QUERY = "query"
    """A list with filters, an order or another page size: the whole list determines the expected items."""
    INVALID_SIZE = "odd-size"
    """A list with an invalid page size, or with both `first` and `last`."""
    INVALID_CURSOR = "odd-cursor"
    """A list with a cursor that the list never returned."""
    INVALID_VALUE = "odd-value"
    """A list with a filter value that the contract does not document."""
    MISSING_PARAMETER = "missing-parameter"
    """A request without one of its required parameters."""
    UNKNOWN_ID = "unknown-id"
    """A request with a well-formed id of an object that does not exist."""
    MALFORMED_ID = "malformed-id"
    """A request with a malformed id."""
    WRITE = "write"
    """A write with a valid body."""
    READ_BACK = "read-back"
    """An object or its list, read before or after a write: the writes determine the expected values."""
    SAME_KEY = "same-key"
    """The previous write again, with the same Idempotency-Key."""
    OTHER_BODY = "other-body"
    """The Idempotency-Key of the previous write with another body."""
    INVALID_BODY = "odd-body"
    """A write with an invalid body."""
    DELETED_AGAIN = "deleted-again"
    """The deletion of an object that was just deleted."""
    MOVING_PAGE = "moving-page"
    """A page of a traversal during which items are created, updated or deleted."""


class Failure(StrEnum):
    """Why no complete, readable response was received. One value for each cause that needs a different remedy."""

    DNS = "dns"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect-timeout"
    WRITE_TIMEOUT = "write-timeout"
    READ_TIMEOUT = "read-timeout"
    DEADLINE = "deadline"
    RESET = "reset"
    INCOMPLETE = "incomplete-body"
    PROTOCOL = "protocol"
    ENCODING = "content-encoding"
    TOO_LARGE = "body-too-large"
    HEADERS_TOO_LARGE = "headers-too-large"


TIMEOUTS = frozenset({Failure.CONNECT_TIMEOUT, Failure.WRITE_TIMEOUT, Failure.READ_TIMEOUT, Failure.DEADLINE})


@dataclass(frozen=True, slots=True)
class Phases:
    """The duration of each part of a request in seconds; None for a phase that a reused connection skips."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    ttfb: float | None = None
    transfer: float | None = None
    total: float = 0.0


@dataclass(frozen=True)
class Exchange:
    """One request that was sent, and its response.

    `operation` is the id of the operation, `purpose` the step of the plan that sent the request. `path_params` and
    `query` hold the values sent (ids are identifiers, not secrets; they stay in memory and every output redacts
    them). Exactly one of `failure` and `status` is set. Header names are in lower case.
    """

    operation: str
    purpose: Purpose
    method: str
    url: str
    path_params: dict[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    request_body: Any = field(default=None, repr=False)
    credential: Credential = "key"
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    failure: Failure | None = None
    phases: Phases = Phases()
    started_at: float = 0.0
    attempt: int = 1

    def header(self, name: str) -> str | None:
        """Return the first value of the response header `name` (in any case), or None."""
        wanted = name.lower()
        for key, value in self.headers:
            if key == wanted:
                return value
        return None

    def rate_limit(self, name: str) -> float | None:
        """Return the number in the rate-limit header `name` (`limit`, `remaining`, `reset`), or None."""
        for prefix in ("ratelimit-", "x-ratelimit-"):
            text = (self.header(prefix + name) or "").strip()[:12]
            if text.isascii() and text.isdigit():
                return float(text)
        return None

    @property
    def subject_id(self) -> str | None:
        """Return the id of the object that the path names: the last one, after those of its parents."""
        return next(reversed(self.path_params.values()), None)

    def query_value(self, name: str) -> str | None:
        """Return the first value sent for the query parameter `name`, or None."""
        return self._sent.get(name)

    @cached_property
    def _sent(self) -> Mapping[str, str]:
        return dict(reversed(self.query))

    @property
    def media_type(self) -> str | None:
        """Return the media type of the response without its parameters, in lower case."""
        value = self.header("content-type")
        return value.partition(";")[0].strip().lower() if value else None

    @property
    def ok(self) -> bool:
        """Return whether the status is 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def may_be_transient(self) -> bool:
        """Return whether the request failed in a way that may not repeat: no complete response, 429 or 5xx."""
        return self.failure is not None or self.status == 429 or (self.status or 0) >= 500

    @property
    def failure_kind(self) -> str | int | None:
        """Return the failure, or the status of a response that may be transient; None for any other response."""
        return self.failure or (self.status if self.may_be_transient else None)

    @cached_property
    def body_digest(self) -> bytes:
        """Return the SHA-256 of the body."""
        return sha256(self.body).digest()

    @cached_property
    def parsed(self) -> tuple[Any, BodyProblem | None]:
        """Return the body as JSON, and the problem if it is not JSON. Parsed once: RFC 8259 with unique keys."""
        return parse_json(self.body)

    @property
    def error(self) -> Mapping[str, Any]:
        """Return the `error` object of the body, an empty one if it has none."""
        found = self.json.get("error") if isinstance(self.json, dict) else None
        return found if isinstance(found, dict) else {}

    def forget_large_body(self) -> None:
        """Parse the body, and drop the bytes of a large one: a run keeps hundreds, and checks read the parsed value."""
        if "parsed" not in self.__dict__:
            self.__dict__["parsed"] = parse_json(self.body, shares_strings=True)
        if len(self.body) > KEPT_BODY:
            object.__setattr__(self, "body", b"")

    @cached_property
    def json(self) -> Any:
        """Return the parsed body; None if it is not JSON (`parsed` has the reason)."""
        return self.parsed[0]


def rate_policies(value: str) -> list[tuple[int, int]]:
    """Return the limits of a RateLimit-Policy header, each as requests and seconds."""
    return [(int(requests), int(seconds)) for requests, seconds in _RATE_POLICY.findall(value[:200])]
