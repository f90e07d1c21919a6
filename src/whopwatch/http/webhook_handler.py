"""Send deliveries to a webhook handler, which is a server of the user and no target."""

from __future__ import annotations

import sys
import time
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Origin, fetch


class WebhookHandler:
    """The handler at `url`, which has `seconds` to respond. Thread-safe.

    Redirects are not followed, no proxy is used, and of a response only the status is read. Credentials in the URL are
    sent as Basic authentication.
    """

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        path, query = (quote(part, safe="/%:@!$&'()*+,;=~?") for part in (parts.path or "/", parts.query))
        self._url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, query, ""))
        self._seconds = seconds
        self._limits = Limits(connect=seconds, read=seconds, write=seconds, body_bytes=sys.maxsize)
        self._origin = Origin(self._url, proxied=False)
        self._authorization: tuple[tuple[str, str], ...] = ()
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._authorization = (("Authorization", f"Basic {b64encode(credentials.encode()).decode()}"),)

    def post(self, headers: Iterable[tuple[str, str]], body: bytes) -> int:
        """Send a delivery and return the status. Raise RequestFailedError if there is none in time."""
        request = HttpRequest("POST", self._url, (*self._authorization, *headers, ("Connection", "close")), body)
        timer = AttemptTimer(time.perf_counter, self._seconds)
        return fetch(self._origin, request.encode(), timer, self._limits, with_body=False).status
