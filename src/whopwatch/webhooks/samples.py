"""Sample deliveries for testing a handler: correct ones, and every kind of wrong one that a handler has to refuse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from secrets import token_hex

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_headers
from whopwatch.simulator.events import DeliveryComposer, OutgoingDelivery
from whopwatch.simulator.world.tables import World

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
    if name not in SAMPLE_CASES:
        raise UsageError(
            f"Unknown case {name!r}.",
            expected=f"one of {', '.join(SAMPLE_CASES)}",
            got=repr(name),
            hint=did_you_mean(name, SAMPLE_CASES),
        )
    return SAMPLE_CASES[name]


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
