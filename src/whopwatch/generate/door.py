"""The client as the only way out for tools that send by the library `requests`, Schemathesis among them.

Schemathesis opens sessions in many places: for its probes, for each worker, for calls of its checks, for logins. So
nothing is mounted on a session. `guarded_requests` stands where every session of the process comes by for each
request and each redirect, when it looks for the adapter that is to send it; what it finds is a Door.
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
from whopwatch.http import Client, Limits
from whopwatch.http.body import ACCEPT_ENCODING, check_headers, read_body
from whopwatch.http.failures import UnreadableError
from whopwatch.http.network import WATCH
from whopwatch.http.transport import CREDENTIAL
from whopwatch.http.watch import Watch

KEY = "Bearer of-the-target"
"""What a tool sends as `Authorization` where it means the target's key, which it is never told."""

_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "keep-alive"})
"""Headers that only the library that writes the message can know: httpx adds its own in place of these."""

_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class RefusedError(requests.RequestException):
    """A request that did not leave: the target's mode forbids it, or the budget is spent."""


class Door(BaseAdapter):
    """Sends prepared requests through `client`: guarded, paced, bounded and counted.

    A request with `KEY` for its `Authorization` gets the target's key, one without the header none, any other is sent
    as it is. `refused` counts what the guard kept in. Raises RefusedError for that, and for a spent budget; the
    exceptions of `requests` for what the wire does.
    """

    def __init__(self, client: Client, limits: Limits = Limits()) -> None:  # noqa: B008 (immutable)
        super().__init__()
        self.client = client
        self.refused = 0
        self._limits = limits
        self._build = HTTPAdapter().build_response
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """The response to `request`; what else `requests` says of timeouts, proxies or certificates is ignored."""
        try:
            outgoing = _translated(request)
            response = self.client.transport.handle_request(outgoing)
            try:
                check_headers(response.headers, self._limits)
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
        """Nothing: sessions come and go, the client stays."""

    def _received(self, request: requests.PreparedRequest, response: httpx.Response, body: bytes) -> requests.Response:
        headers = urllib3.HTTPHeaderDict()
        for name, value in response.headers.multi_items():
            if name not in _UNPACKED:
                headers.add(name, self.client.redact(value))
        text = self.client.redact(body.decode("latin-1")).encode("latin-1")
        raw = urllib3.HTTPResponse(
            body=io.BytesIO(text),
            headers=headers,
            status=response.status_code,
            reason=response.reason_phrase,
            version=11,
            preload_content=False,
            request_method=request.method,
        )
        return self._build(request, raw)


@contextmanager
def guarded_requests(client: Client) -> Iterator[Door]:
    """As long as the context, whatever this process sends by `requests`, in any thread, leaves through `client`."""
    door = Door(client)
    original = requests.Session.get_adapter
    requests.Session.get_adapter = lambda *_, **__: door  # type: ignore[method-assign]
    try:
        yield door
    finally:
        requests.Session.get_adapter = original  # type: ignore[method-assign]


def _translated(request: requests.PreparedRequest) -> httpx.Request:
    """`request` as httpx sends it. Raises UnsafeRequestError where there is no such request."""
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
        raise UnsafeRequestError("A request was not sent: its URL is none.") from None


def _is_kept(name: str, value: str | bytes) -> bool:
    lower = name.lower()
    return lower not in _FRAMING and (lower, value) != ("authorization", KEY)


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _watch(request: httpx.Request) -> Watch:
    watch = request.extensions[WATCH]
    assert isinstance(watch, Watch)
    return watch
