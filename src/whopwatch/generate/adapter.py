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
from http.client import responses
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.exchange import TIMEOUTS, Credential
from whopwatch.core.redaction import redact
from whopwatch.http import Client
from whopwatch.http.sender import ACCEPT_ENCODING
from whopwatch.http.wire import HttpRequest, RawResponse, RequestFailedError

KEY_PLACEHOLDER = "Bearer of-the-target"
"""The `Authorization` that a tool sends where it means the target's key, which it never gets."""

_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "keep-alive"})
"""Headers that depend on how the message is written: the client adds its own instead."""

_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class RefusedError(requests.RequestException):
    """A request was not sent: the target's mode forbids it, or the budget is spent."""


class GuardedAdapter(BaseAdapter):
    """Send prepared requests through `client`: guarded, paced, bounded and counted.

    A request whose `Authorization` is `KEY_PLACEHOLDER` gets the target's key; one without the header gets none; any
    other is sent unchanged. `refused` counts the requests that the guard rejected. Raise RefusedError for those and
    for a spent budget, and the exceptions of `requests` for network failures.
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client
        self.refused = 0
        self._build = HTTPAdapter().build_response
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Send `request` and return the response. Settings for timeouts, proxies and certificates are ignored."""
        credential: Credential = "key" if "authorization" in request.headers else "none"
        try:
            response = self.client.sender.send(_translated(request), credential, self.client.sender.timer())
        except (UnsafeRequestError, BudgetExhaustedError) as error:
            with self._lock:
                self.refused += isinstance(error, UnsafeRequestError)
            raise RefusedError(error.what, request=request) from None
        except RequestFailedError as error:
            kind = requests.Timeout if error.failure in TIMEOUTS else requests.ConnectionError
            raise kind(error.failure.value, request=request) from None
        return self._received(request, response)

    def close(self) -> None:
        """Do nothing: sessions end before the client does."""

    def _received(self, request: requests.PreparedRequest, response: RawResponse) -> requests.Response:
        headers = urllib3.HTTPHeaderDict()
        for name, value in response.headers:
            if name not in _UNPACKED:
                headers.add(redact(name), redact(value))
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(redact(bytes(response.body))),
            headers=headers,
            status=response.status,
            reason=responses.get(response.status, ""),
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


def _translated(request: requests.PreparedRequest) -> HttpRequest:
    """Return `request` as the client sends it. Raise UnsafeRequestError for a body that cannot be sent."""
    headers = [(_text(name), _text(value).strip()) for name, value in request.headers.items() if _is_kept(name, value)]
    body = request.body or None
    if body is not None and not isinstance(body, str | bytes):
        raise UnsafeRequestError("A request was not sent: its body is a stream.")
    return HttpRequest(
        request.method or "",
        request.url or "",
        (*headers, ("Accept-Encoding", ACCEPT_ENCODING)),
        body.encode() if isinstance(body, str) else body,
    )


def _is_kept(name: str, value: str | bytes) -> bool:
    lower = name.lower()
    return lower not in _FRAMING and (lower, value) != ("authorization", KEY_PLACEHOLDER)


def _text(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text
