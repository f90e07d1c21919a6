"""Deliveries to a webhook handler: received ones are forwarded, samples test it.

Samples are correct deliveries, and every kind of wrong one that a handler has to refuse.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from whopwatch.config.target import is_whop
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, entry_named
from whopwatch.core.exchange import TIMEOUTS, Failure
from whopwatch.http.webhook_handler import WebhookHandler
from whopwatch.http.wire import RequestFailedError
from whopwatch.signature import SIGNATURE_HEADER, SIGNATURE_HEADERS, TIMESTAMP_HEADER, signed_headers
from whopwatch.simulator.events import DeliveryComposer, OutgoingDelivery
from whopwatch.simulator.world.tables import World
from whopwatch.webhooks.delivery import Delivery

_OTHER_SECRET = "ws_of_another_webhook"  # noqa: S105 (made up)
_HOUR = 3600

SampleHeaders = dict[str, str]


@dataclass(frozen=True)
class Sample:
    """One request to a handler. `accepted` says whether a correct handler accepts it (2xx) or refuses it (4xx)."""

    case: str
    event: str
    accepted: bool
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def expected(self) -> str:
        """The expected status class: `2xx` or `4xx`."""
        return "2xx" if self.accepted else "4xx"

    def is_right(self, status: int) -> bool:
        """Return whether `status` is of the expected class."""
        return status // 100 == int(self.expected[0])

    def check(self, status: int) -> None:
        """Raise AssertionError if the handler's `status` is not of the expected class."""
        __tracebackhide__ = True  # pytest shows the line of the test
        if not self.is_right(status):
            what = SAMPLE_CASES[self.case].what
            raise AssertionError(f"{self.case} ({what}): status {status}, expected {self.expected}")


@dataclass(frozen=True, slots=True)
class SampleCase:
    """One kind of sample. `make(secret, delivery)` yields headers and body of each request, in order."""

    what: str
    accepted: bool
    make: Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]


def _signed(secret: str, delivery: OutgoingDelivery, body: bytes | None = None, *, seconds: int = 0) -> SampleHeaders:
    content = delivery.body if body is None else body
    return signed_headers(secret, delivery.id, delivery.timestamp + seconds, content)


def _good(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(secret, delivery), delivery.body


def _duplicate(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield from _good(secret, delivery)
    yield from _good(secret, delivery)


def _other_secret(_: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(_OTHER_SECRET, delivery), delivery.body


def _changed_body(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(secret, delivery), delivery.body + b" "


def _unsigned(_: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield {}, delivery.body


def _signed_at(seconds: int) -> Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]:
    def make(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
        yield _signed(secret, delivery, seconds=seconds), delivery.body

    return make


def _replay(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield {**_signed(secret, delivery, seconds=-_HOUR), TIMESTAMP_HEADER: str(delivery.timestamp)}, delivery.body


def _unknown_version(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    headers = _signed(secret, delivery)
    yield {**headers, SIGNATURE_HEADER: f"v2,{headers[SIGNATURE_HEADER].partition(',')[2]}"}, delivery.body


def _several_signatures(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    headers, others = _signed(secret, delivery), _signed(_OTHER_SECRET, delivery)
    yield {**headers, SIGNATURE_HEADER: f"{others[SIGNATURE_HEADER]} {headers[SIGNATURE_HEADER]}"}, delivery.body


def _payload_with(**changes: object) -> Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]:
    def make(secret: str, delivery: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
        body = json.dumps({**delivery.payload, **changes}).encode()
        yield _signed(secret, delivery, body), body

    return make


SAMPLE_CASES: Mapping[str, SampleCase] = {
    "good": SampleCase("a correct delivery", True, _good),
    "duplicate": SampleCase("the same delivery twice: accept both, process it once", True, _duplicate),
    "several-signatures": SampleCase("two signatures, as during a rotation of the secret", True, _several_signatures),
    "unknown-event": SampleCase("an undocumented event", True, _payload_with(type="payment.considered")),
    "unknown-field": SampleCase("an undocumented field", True, _payload_with(undocumented_field=True)),
    "bad-signature": SampleCase("signed with another secret", False, _other_secret),
    "changed-body": SampleCase("one byte was added after signing", False, _changed_body),
    "unsigned": SampleCase("without the signature headers", False, _unsigned),
    "unknown-version": SampleCase("only a signature of version 2", False, _unknown_version),
    "old": SampleCase("signed an hour ago", False, _signed_at(-_HOUR)),
    "future": SampleCase("signed with a time one hour in the future", False, _signed_at(_HOUR)),
    "replay": SampleCase("signed an hour ago, with the current time as timestamp", False, _replay),
}
"""All cases by name. A handler accepts every correctly signed delivery, also with unknown content, and no other."""


def find_case(name: str) -> SampleCase:
    """Return the case with this name. Raise UsageError if there is none."""
    return entry_named(name, SAMPLE_CASES, "case")


class Sampler:
    """Makes samples from a seeded world, signed with `secret`. `clock` returns seconds since 1970."""

    def __init__(
        self, contract: Contract, secret: str, *, seed: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self.secret = secret
        world = World(contract, seed=seed)
        self._contract, self._clock = contract, clock
        self._composer = DeliveryComposer(contract, world, secret)

    def __call__(self, event: str = "payment.succeeded", case: str = "good") -> list[Sample]:
        """Return new requests of one case: one request, or two for `duplicate`.

        Raise UsageError if the event or the case does not exist.
        """
        chosen, now = find_case(case), self._clock()
        deliveries = self._composer.trigger(self._contract.event(event), now)
        delivery = next(delivery for delivery in deliveries if delivery.event == event)
        delivery.timestamp = int(now)
        delivery.id = f"msg_{token_hex(12)}"  # a handler that deduplicates by ID processes every sample
        _rewrite_id(delivery)
        return [
            Sample(case, event, chosen.accepted, {"content-type": "application/json", **headers}, body)
            for headers, body in chosen.make(self.secret, delivery)
        ]


def _rewrite_id(delivery: OutgoingDelivery) -> None:
    """Write the ID of a delivery into its payload, if the payload has one."""
    if "id" in delivery.payload:
        delivery.payload = {**delivery.payload, "id": delivery.id}
        delivery.body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()


FORWARDED_HEADERS = frozenset({*SIGNATURE_HEADERS, "content-type", "user-agent"})
HANDLER_UNREACHABLE = 502
HANDLER_TIMEOUT = 504
MOST_FORWARDED = 100
"""Deliveries that wait for the handler at once."""
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
    # Two readers of a host that is not ASCII can take it for two hosts.
    is_readable = host.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not host or not is_readable:
        raise UsageError(
            "Deliveries cannot be sent to this address.",
            where=f"option {option}",
            expected="a URL such as http://127.0.0.1:8000/webhooks",
            got=repr(text[:100]),
        )
    if is_whop(text):
        raise UsageError(
            "Deliveries cannot be sent to Whop itself.",
            where=f"option {option}",
            expected="the address of your own handler",
            got=host,
        )
    return text


class Forwarder:
    """Sends deliveries to `url`, byte for byte. The handler has `seconds` to respond."""

    def __init__(self, url: str, seconds: float) -> None:
        self._handler, self._seconds = WebhookHandler(url, seconds), seconds
        self._threads = ThreadPoolExecutor(MOST_FORWARDED, "forward")

    async def __call__(self, delivery: Delivery) -> int:
        """Return the handler's status; 502 or 504 if it does not respond."""
        headers = [(name, value) for name, value in delivery.headers if name in FORWARDED_HEADERS]
        try:
            async with asyncio.timeout(self._seconds):  # the time in which a thread becomes free counts, too
                forwarded = partial(self._handler.post, headers, delivery.body)
                return await asyncio.get_running_loop().run_in_executor(self._threads, forwarded)
        except TimeoutError:
            return HANDLER_TIMEOUT
        except RequestFailedError as error:
            return HANDLER_TIMEOUT if error.failure in TIMEOUTS else HANDLER_UNREACHABLE


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
    """Send each sample to the handler at `url` and yield its result."""
    handler = WebhookHandler(url, HANDLER_SECONDS)
    for sample in samples:
        started, failure = time.perf_counter(), "no response"
        try:
            status: int | None = handler.post(sample.headers.items(), sample.body)
        except RequestFailedError as error:
            status, failure = None, _failure_words(error.failure)
        yield HandlerResult(sample, status, time.perf_counter() - started, failure)


def _failure_words(failure: Failure) -> str:
    if failure in (Failure.DNS, Failure.CONNECT, Failure.CONNECT_TIMEOUT, Failure.TLS):
        return "connection refused"
    if failure in TIMEOUTS:
        return f"no response within {HANDLER_SECONDS:.0f} s"
    return "incomplete response"
