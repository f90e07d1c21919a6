"""Send deliveries to a webhook handler: forward received ones, and test the handler with samples."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from whopwatch.core.errors import UsageError
from whopwatch.signature import SIGNATURE_HEADERS
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.samples import Sample

FORWARDED_HEADERS = frozenset({*SIGNATURE_HEADERS, "content-type", "user-agent"})
HANDLER_UNREACHABLE = 502
HANDLER_TIMEOUT = 504
HANDLER_SECONDS = 5.0
"""How long Whop waits for a response."""


def require_handler_url(text: str, option: str) -> str:
    """Return `text` if it is a URL that deliveries may be sent to.

    Raise UsageError for anything else, and for Whop's own hosts.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise UsageError(
            "Deliveries cannot be sent to this address.",
            where=f"option {option}",
            expected="a URL such as http://127.0.0.1:8000/webhooks",
            got=repr(text[:100]),
        )
    if host == "whop.com" or host.endswith(".whop.com"):
        raise UsageError(
            "Deliveries cannot be sent to Whop itself.",
            where=f"option {option}",
            expected="the address of your own handler",
            got=host,
        )
    return text


class Forwarder:
    """Sends deliveries to `url`, byte for byte. Redirects are not followed; only the response's status is used.

    Use it on one event loop. The handler has `seconds` to respond.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=seconds, trust_env=False, limits=httpx.Limits(max_connections=100))

    async def __call__(self, delivery: Delivery) -> int:
        """Return the handler's status; 502 or 504 if it does not respond."""
        # As bytes: a header may contain bytes that are not ASCII, and they have to arrive unchanged.
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in delivery.headers
            if name in FORWARDED_HEADERS
        ]
        try:
            async with self._client.stream("POST", self._url, content=delivery.body, headers=headers) as response:
                return response.status_code if response.status_code >= 200 else HANDLER_UNREACHABLE
        except httpx.TimeoutException:
            return HANDLER_TIMEOUT
        except httpx.HTTPError:
            return HANDLER_UNREACHABLE


@dataclass(frozen=True, slots=True)
class HandlerResult:
    """A handler's response to one sample. `status` is None if there was no response; `failure` says why."""

    sample: Sample
    status: int | None
    seconds: float
    failure: str = "no response"

    @property
    def is_right(self) -> bool:
        """Whether the handler accepted (2xx) or refused (4xx) the sample as expected."""
        return self.status is not None and self.sample.is_right(self.status)

    @property
    def observed(self) -> str:
        """The status, or why there is none."""
        return str(self.status) if self.status else self.failure

    def to_json(self) -> dict[str, Any]:
        """Return one entry of the JSON output."""
        return {
            "case": self.sample.case,
            "event": self.sample.event,
            "expected": self.sample.expected,
            "observed": self.observed,
            "right": self.is_right,
            "seconds": round(self.seconds, 4),
        }


def send_samples(url: str, samples: Iterable[Sample]) -> Iterator[HandlerResult]:
    """Send each sample to the handler at `url` and yield its result; redirects are not followed."""
    with httpx.Client(timeout=HANDLER_SECONDS, trust_env=False) as client:
        for sample in samples:
            started, failure = time.perf_counter(), "no response"
            try:
                with client.stream("POST", url, content=sample.body, headers=dict(sample.headers)) as response:
                    status: int | None = response.status_code
            except httpx.HTTPError as error:
                status, failure = None, _failure(error)
            yield HandlerResult(sample, status, time.perf_counter() - started, failure)


def _failure(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "connection refused"
    if isinstance(error, httpx.TimeoutException):
        return f"no response within {HANDLER_SECONDS:.0f} s"
    return "incomplete response"
