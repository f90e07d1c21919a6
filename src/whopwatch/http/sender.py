"""Send only requests that the guard allows, with the right key, at the allowed rate and within the budget.

The rule is an allow-list: a URL has to start with the base URL of the target, and the rest has to be a path that the
contract documents for the method. User info, another port, an absolute form or another protocol cannot pass, because
none of them starts with the base URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote, unquote_plus, urlsplit

from whopwatch import __version__
from whopwatch.config import Secret, Target
from whopwatch.config.target import is_production
from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.errors import UnsafeRequestError, UsageError
from whopwatch.core.exchange import Credential
from whopwatch.core.redaction import redact
from whopwatch.http.limits import Limits, Pacer, RunBudget
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse, Transport

_NOT_IN_A_URL = re.compile(r"[^!-~]|#")
_OVERRIDE_HEADER = re.compile(r"method|override|rewrite|original-ur[il]|^upgrade$|^http2-settings$", re.IGNORECASE)
_OVERRIDE_PARAMETERS = frozenset({"_method", "_httpmethod", "x-http-method", "x-http-method-override"})
_SEPARATOR = re.compile(r"[/\\?#\x00-\x1f\x7f\ufffd]")
_LEVELS_OF_ENCODING = 4
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")
LONGEST_URL = 60_000
"""Characters: no server accepts a longer one."""


class Guard:
    """The decision for one target and contract. A read-only target gets documented GETs only."""

    def __init__(self, target: Target, contract: Contract) -> None:
        self._bases = {"v1": target.base_url, "v2": target.v2_base_url}
        self._netlocs = {urlsplit(base).netloc for base in self._bases.values()}
        self._writable = target.writable and not self._reaches_production()
        self._contract = contract
        self._find = lru_cache(maxsize=1024)(self._match)

    def operation(self, method: str, url: str) -> Operation | None:
        """Return the documented operation that `method` and `url` call at the target, or None."""
        return self._find(method, url.partition("?")[0])

    def refuse(self, method: str, url: str, headers: Mapping[str, str], has_body: bool) -> str | None:
        """Return why this request must not be sent, or None. The reason contains no value of the request.

        `url` is the URL that is sent; `headers` are all headers that are sent, except the framing headers that the HTTP
        library adds.
        """
        return (
            self._refuse_method(method, headers, has_body)
            or self._refuse_url(url)
            or _refuse_path(url)
            or _refuse_query(url)
            or self._refuse_headers(headers)
            or (None if self.operation(method, url) else "the contract documents no such path for this method")
            or (None if redact(url) == url else "the URL contains the key")
        )

    def _refuse_method(self, method: str, headers: Mapping[str, str], has_body: bool) -> str | None:
        if method != "GET":
            return None if self._writable else "the target is read-only, and the method is not GET"
        names = {name.lower() for name in headers}
        if has_body or not names.isdisjoint(("content-length", "transfer-encoding")):
            return "a GET must not have a body"
        return None

    def _refuse_url(self, url: str) -> str | None:
        if not url.startswith(tuple(f"{base}/" for base in self._bases.values())):
            return "the URL does not start with the base URL of the target"
        if len(url) > LONGEST_URL:
            return "its URL is longer than any server accepts"
        if _NOT_IN_A_URL.search(url):
            return "the URL contains an invalid character"
        return None

    def _refuse_headers(self, headers: Mapping[str, str]) -> str | None:
        for name, value in headers.items():
            if _overrides(name):
                return "a header overrides the method, path or protocol"
            if name.lower() == "host" and value not in self._netlocs:
                return "the Host header does not name the host of the target"
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                return "a header contains a character that HTTP cannot send"
        return None

    def _match(self, method: str, path: str) -> Operation | None:
        for api, base in self._bases.items():
            if path.startswith(f"{base}/"):
                operation = self._contract.match(method, path.removeprefix(base), api)
                if operation:
                    return operation
        return None

    def _reaches_production(self) -> bool:
        return any(map(is_production, self._bases.values()))


@lru_cache(maxsize=256)
def _overrides(header: str) -> bool:
    return bool(_OVERRIDE_HEADER.search(header))


def _refuse_path(url: str) -> str | None:
    """Refuse a path with a segment that a server on the way may read as empty, as its parent, or as two segments."""
    return next(filter(None, map(_refuse_segment, urlsplit(url).path.split("/")[1:])), None)


@lru_cache(maxsize=1024)
def _refuse_segment(segment: str) -> str | None:
    plain = segment
    for _ in range(_LEVELS_OF_ENCODING):
        plain = unquote(plain, errors="replace")
    if plain != unquote(plain, errors="replace"):
        return "the path is percent-encoded several times"
    if _SEPARATOR.search(plain):
        return "the path contains an encoded separator or control character, or bytes that are not UTF-8"
    if plain.partition(";")[0] in ("", ".", ".."):
        return "the path contains an empty or a dot segment"
    return None


def _refuse_query(url: str) -> str | None:
    names = [part.partition("=")[0] for part in re.split("[&;]", url.partition("?")[2])]
    return "a query parameter overrides the method" if any(map(_is_override, names)) else None


@lru_cache(maxsize=1024)
def _is_override(parameter: str) -> bool:
    return unquote_plus(parameter).strip().lower() in _OVERRIDE_PARAMETERS


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
        headers = dict(request.headers)
        reason = self._guard.refuse(request.method, request.url, headers, request.body is not None)
        if len({name.lower() for name in headers}) != len(request.headers):
            reason = reason or "a header is repeated"  # of two, servers and proxies read different ones
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
