"""Sample deliveries for testing a handler: correct ones, and every kind of wrong one that a handler has to refuse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_headers
from whopwatch.simulator.events.delivery import OutgoingDelivery
from whopwatch.simulator.events.sender import DeliveryComposer
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
    """One kind of sample. `make(secret, parcel)` yields headers and body of each request, in order."""

    what: str
    accepted: bool
    make: Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]


def _signed(secret: str, parcel: OutgoingDelivery, body: bytes | None = None, *, seconds: int = 0) -> SampleHeaders:
    content = parcel.body if body is None else body
    return signed_headers(secret, parcel.id, parcel.timestamp + seconds, content)


def _good(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(secret, parcel), parcel.body


def _duplicate(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield from _good(secret, parcel)
    yield from _good(secret, parcel)


def _other_secret(_: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(_OTHER_SECRET, parcel), parcel.body


def _changed_body(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield _signed(secret, parcel), parcel.body + b" "


def _unsigned(_: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield {}, parcel.body


def _signed_at(seconds: int) -> Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]:
    def make(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
        yield _signed(secret, parcel, seconds=seconds), parcel.body

    return make


def _replay(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    yield {**_signed(secret, parcel, seconds=-_HOUR), TIMESTAMP_HEADER: str(parcel.timestamp)}, parcel.body


def _unknown_version(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    headers = _signed(secret, parcel)
    yield {**headers, SIGNATURE_HEADER: f"v2,{headers[SIGNATURE_HEADER].partition(',')[2]}"}, parcel.body


def _several_signatures(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
    headers, others = _signed(secret, parcel), _signed(_OTHER_SECRET, parcel)
    yield {**headers, SIGNATURE_HEADER: f"{others[SIGNATURE_HEADER]} {headers[SIGNATURE_HEADER]}"}, parcel.body


def _payload_with(**changes: object) -> Callable[[str, OutgoingDelivery], Iterator[tuple[SampleHeaders, bytes]]]:
    def make(secret: str, parcel: OutgoingDelivery) -> Iterator[tuple[SampleHeaders, bytes]]:
        body = json.dumps({**parcel.payload, **changes}).encode()
        yield _signed(secret, parcel, body), body

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
    """Return the case with this name. Raises UsageError if there is none."""
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

        Raises UsageError if the event or the case does not exist.
        """
        chosen, now = find_case(case), self._clock()
        parcels = self._composer.trigger(self._contract.event(event), now)
        parcel = next(parcel for parcel in parcels if parcel.event == event)
        parcel.timestamp = int(now)
        return [
            Sample(case, event, chosen.accepted, {"content-type": "application/json", **headers}, body)
            for headers, body in chosen.make(self.secret, parcel)
        ]
