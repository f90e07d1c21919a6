"""Send what other tools send through the library `requests` (Schemathesis does) through the guarded client.

Schemathesis opens sessions in many places: for its probes, each worker, calls of its checks, logins. So the adapter is
not mounted on one session: `guarded_requests` replaces `Session.get_adapter`, which every session of the process calls
for each request and each redirect.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.redaction import redact
from whopwatch.http import Client, Limits
from whopwatch.http.network import TIMER
from whopwatch.http.response import ACCEPT_ENCODING, UnreadableError, check_header_bounds, read_body
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.transport import CREDENTIAL

KEY_PLACEHOLDER = "Bearer of-the-target"
"""The `Authorization` that a tool sends where it means the target's key, which it never gets."""

_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "keep-alive"})
"""Headers that depend on how the message is written: httpx adds its own instead."""

_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class RefusedError(requests.RequestException):
    """A request was not sent: the target's mode forbids it, or the budget is spent."""


class GuardedAdapter(BaseAdapter):
    """Send prepared requests through `client`: guarded, paced, bounded and counted.

    A request whose `Authorization` is `KEY_PLACEHOLDER` gets the target's key; one without the header gets none; any
    other is sent unchanged. `refused` counts the requests that the guard rejected. Raises RefusedError for those and
    for a spent budget, and the exceptions of `requests` for network failures.
    """

    def __init__(self, client: Client, limits: Limits = Limits()) -> None:  # noqa: B008 (immutable)
        super().__init__()
        self.client = client
        self.refused = 0
        self._limits = limits
        self._build = HTTPAdapter().build_response
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send `request` and return the response. Settings for timeouts, proxies and certificates are ignored."""
        try:
            outgoing = _translated(request)
            response = self.client.transport.handle_request(outgoing)
            try:
                check_header_bounds(response.headers, self._limits)
                body = read_body(response, self._limits, _watch(outgoing))
            finally:
                response.close()
        except (UnsafeRequestError, BudgetExhaustedError) as error:
            with self._lock:
                self.refused += isinstance(error, UnsafeRequestError)
            raise RefusedError(error.what, request=request) from None
        except httpx.TimeoutException as error:
            raise requests.Timeout(type(error).__name__, request=request) from None
        except (httpx.TransportError, UnreadableError) as error:
            raise requests.ConnectionError(type(error).__name__, request=request) from None
        return self._received(request, response, body)

    def close(self) -> None:
        """Do nothing: sessions end before the client does."""

    def _received(self, request: requests.PreparedRequest, response: httpx.Response, body: bytes) -> requests.Response:
        headers = urllib3.HTTPHeaderDict()
        for name, value in response.headers.multi_items():
            if name not in _UNPACKED:
                headers.add(redact(name), redact(value))
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(redact(body)),
            headers=headers,
            status=response.status_code,
            reason=response.reason_phrase,
            version=11,
            preload_content=False,
            request_method=request.method,
        )
        return self._build(request, raw)


@contextmanager
def guarded_requests(client: Client) -> Iterator[GuardedAdapter]:
    """Send every request that this process makes with `requests`, in any thread, through `client`."""
    adapter = GuardedAdapter(client)
    original = requests.Session.get_adapter
    requests.Session.get_adapter = lambda *_, **__: adapter  # type: ignore[method-assign]
    try:
        yield adapter
    finally:
        requests.Session.get_adapter = original  # type: ignore[method-assign]


def _translated(request: requests.PreparedRequest) -> httpx.Request:
    """Return `request` as an httpx request. Raises UnsafeRequestError for a URL or body that httpx cannot send."""
    headers = [
        (_octets(name), _octets(value).strip()) for name, value in request.headers.items() if _is_kept(name, value)
    ]
    headers.append((b"accept-encoding", ACCEPT_ENCODING.encode()))
    extensions = {} if "authorization" in request.headers else {CREDENTIAL: "none"}
    body = request.body or None
    if body is not None and not isinstance(body, (str, bytes)):
        raise UnsafeRequestError("A request was not sent: its body is a stream.")
    try:
        return httpx.Request(
            request.method or "", request.url or "", headers=headers, content=body, extensions=extensions
        )
    except httpx.InvalidURL:
        raise UnsafeRequestError("A request was not sent: its URL is not valid.") from None


def _is_kept(name: str, value: str | bytes) -> bool:
    lower = name.lower()
    return lower not in _FRAMING and (lower, value) != ("authorization", KEY_PLACEHOLDER)


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _watch(request: httpx.Request) -> AttemptTimer:
    watch = request.extensions[TIMER]
    assert isinstance(watch, AttemptTimer)
    return watch
