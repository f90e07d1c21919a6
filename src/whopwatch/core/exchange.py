"""One request and what came back, whatever it was.

An Exchange is what every check reads: live, simulated, recorded and probed traffic all end here. It never holds
the `Authorization` header; `credential` says which kind of key was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

import jiter

Credential = Literal["key", "none", "wrong", "unscoped"]
"""Which credential a request carried: the target's own key, none, an invalid one, or a valid one without scope."""


class Purpose(StrEnum):
    """The step of the plan that wanted a request. Checks find their evidence by it."""

    LIST = "list"
    """The first page of a list, asked for with `first` alone (and the required parameters)."""
    NEXT_PAGE = "next-page"
    """A page after a cursor: the query holds the `after` that the page before it gave."""
    PREVIOUS_PAGE = "previous-page"
    """A page before a cursor: the query holds `last` and `before`."""
    RETRIEVE = "retrieve"
    """One object by its id (or ids), or anything else that is neither a list nor an experiment."""
    NO_KEY = "no-key"
    """The same request as one that succeeded, without a key."""
    WRONG_KEY = "wrong-key"
    """The same request as one that succeeded, with a key that cannot be valid."""
    NO_SCOPE = "no-scope"
    """The same request as one that succeeded, with a valid key that may do nothing."""
    QUERY = "query"
    """A list under filters, an order or another page size: what it has to show follows from the whole list."""
    ODD_SIZE = "odd-size"
    """A list with a page size that is none, or with both sizes at once."""
    ODD_CURSOR = "odd-cursor"
    """A list with a cursor that it never gave."""
    ODD_VALUE = "odd-value"
    """A list with a filter's value that the contract does not know."""
    MISSING_PARAMETER = "missing-parameter"
    """A request without one of its required parameters."""
    UNKNOWN_ID = "unknown-id"
    """A request with the id of something that does not exist."""
    MALFORMED_ID = "malformed-id"
    """A request with something in place of an id that cannot be one."""
    WRITE = "write"
    """A write that keeps the documentation."""
    READ_BACK = "read-back"
    """An object or its list, before or after a write: what it shows follows from the writes."""
    SAME_KEY = "same-key"
    """The write before it once more, with the same Idempotency-Key."""
    OTHER_BODY = "other-body"
    """The Idempotency-Key of the write before it with another body."""
    ODD_BODY = "odd-body"
    """A write whose body breaks the documentation."""
    DELETED_AGAIN = "deleted-again"
    """The deletion of what was just deleted."""
    MOVING_PAGE = "moving-page"
    """A page of a walk during which the list is written to."""


class Failure(StrEnum):
    """Why no complete, readable response came back. One name for each thing a person would do differently."""

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


class BodyProblem(StrEnum):
    """Why a body that arrived whole is not a JSON document."""

    EMPTY = "empty"
    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_A_NUMBER = "nan-or-infinity"
    DUPLICATE_KEY = "duplicate-key"
    TOO_DEEP = "too-deep"


@dataclass(frozen=True, slots=True)
class Phases:
    """How long each part of a request took, in seconds; None where the phase did not happen (a reused connection)."""

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    ttfb: float | None = None
    transfer: float | None = None
    total: float = 0.0


@dataclass(frozen=True)
class Exchange:
    """One request that was sent and its answer.

    `operation` is the operation id the request was made for, `purpose` the step of the plan that wanted it.
    `path_params` and `query` hold what was filled in (ids are identifiers, not secrets; they stay in memory and
    are redacted in every output). Exactly one of `failure` and `status` is set. Header names are lower case.
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
        """The first value of the response header `name` (any case), or None."""
        wanted = name.lower()
        for key, value in self.headers:
            if key == wanted:
                return value
        return None

    def query_value(self, name: str) -> str | None:
        """The first value sent for the query parameter `name`, or None."""
        return self._sent.get(name)

    @cached_property
    def _sent(self) -> Mapping[str, str]:
        return dict(reversed(self.query))

    @property
    def media_type(self) -> str | None:
        """The response's media type without its parameters, in lower case."""
        value = self.header("content-type")
        return value.partition(";")[0].strip().lower() if value else None

    @property
    def ok(self) -> bool:
        """Whether a success status came back."""
        return self.status is not None and 200 <= self.status < 300

    @cached_property
    def parsed(self) -> tuple[Any, BodyProblem | None]:
        """The body as JSON, and why it is none. Parsed once, strictly: RFC 8259 and unique keys."""
        return parse_json(self.body)

    @cached_property
    def json(self) -> Any:
        """The parsed body; None where it is not JSON (see `parsed` for the reason)."""
        return self.parsed[0]


MAX_DEPTH = 64
"""How deep arrays and objects may nest. Documented responses need fewer than ten levels."""

_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_WINDOW = 65_536  # bytes that are split at a time


def parse_json(body: bytes) -> tuple[Any, BodyProblem | None]:
    """Parse `body` strictly into `(value, None)` or `(None, problem)`; never raises."""
    try:
        value = jiter.from_json(body, allow_inf_nan=False, cache_mode="keys", catch_duplicate_keys=True)
    except ValueError:
        return None, _why_unreadable(body)
    return (None, BodyProblem.TOO_DEEP) if nests_deeper_than(MAX_DEPTH, body) else (value, None)


def _why_unreadable(body: bytes) -> BodyProblem:
    """What keeps `body` from being a JSON document: a slower parser that goes on after the first problem tells."""
    if not body.strip():
        return BodyProblem.EMPTY
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return BodyProblem.NOT_UTF8
    problems: list[BodyProblem] = []

    def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            problems.append(BodyProblem.DUPLICATE_KEY)
        return value

    def no_constant(_: str) -> None:
        problems.append(BodyProblem.NOT_A_NUMBER)

    try:
        value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return BodyProblem.TOO_DEEP if nests_deeper_than(MAX_DEPTH, body) else BodyProblem.NOT_JSON
    if nests_deeper_than(MAX_DEPTH, body):
        return BodyProblem.TOO_DEEP
    if not problems and _has_lone_surrogate(body, value):
        return BodyProblem.NOT_UTF8
    return problems[0] if problems else BodyProblem.NOT_JSON


def _has_lone_surrogate(body: bytes, value: Any) -> bool:
    """Whether an escape such as `\\ud800` stands for half a character, which no text can be made of."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def nests_deeper_than(depth: int, body: bytes) -> bool:
    """Whether the arrays and objects of the JSON text `body` nest deeper than `depth`.

    Looks only at the brackets outside strings, so that it tells of a text that no parser can read, too, and holds
    little more than them in memory. Taking innermost pairs away empties a shallow text within as many passes as it has
    levels, at the speed of bytes.replace; only a deep or broken one is counted bracket by bracket.
    """
    brackets = rest = _brackets_outside_strings(body)
    if len(brackets) <= depth:
        return False
    for _ in range(min(depth, 16)):
        if not rest:
            return False
        rest = rest.replace(b"[]", b"").replace(b"{}", b"")
    level = 0
    for bracket in brackets if rest else b"":
        level += 1 if bracket in b"[{" else -1
        if level > depth:
            return True
    return False


def _brackets_outside_strings(body: bytes) -> bytes:
    """The brackets of `body` that are structure. Without escapes, every quote opens or closes a string."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    text = body.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' not in text:
        return text
    outside = bytearray()
    inside = 0
    for start in range(0, len(text), _WINDOW):
        parts = text[start : start + _WINDOW].split(b'"')
        outside += b"".join(parts[inside::2])
        inside = (inside + len(parts) - 1) % 2
    return bytes(outside)
