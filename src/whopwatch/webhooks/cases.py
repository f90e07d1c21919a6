"""Sample deliveries to try receivers with: right ones, and each way to be wrong that a handler has to know."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.signature import SIGNATURE, TIMESTAMP, signed_headers
from whopwatch.simulator.deliveries import Composer
from whopwatch.simulator.faults import Faults
from whopwatch.simulator.parcel import Parcel
from whopwatch.simulator.world import World

OTHER_SECRET = "ws_of_somebody_else"  # noqa: S105 (nobody's)
AN_HOUR = 3600


@dataclass(frozen=True)
class Sample:
    """One request to a handler: what it holds, and whether a right handler accepts it (2xx) or refuses it (4xx)."""

    case: str
    event: str
    accepted: bool
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def expected(self) -> str:
        """What a right handler answers: `2xx` or `4xx`."""
        return "2xx" if self.accepted else "4xx"

    def is_right(self, status: int) -> bool:
        """Whether `status` is a right answer to it."""
        return status // 100 == int(self.expected[0])

    def check(self, status: int) -> None:
        """Raises AssertionError for a handler that does not answer as it has to."""
        if not self.is_right(status):
            what = CASES[self.case].what
            raise AssertionError(f"{self.case} ({what}) was answered with {status}, expected {self.expected}")


Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """A way for deliveries to be. `make(secret, parcel)` gives headers and body of each, in their order."""

    what: str
    accepted: bool
    make: Callable[[str, Parcel], Iterator[tuple[Headers, bytes]]]


def _signed(secret: str, parcel: Parcel, body: bytes | None = None, *, seconds: int = 0) -> Headers:
    content = parcel.body if body is None else body
    return signed_headers(secret, parcel.id, parcel.timestamp + seconds, content)


def _good(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield _signed(secret, parcel), parcel.body


def _duplicate(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield from _good(secret, parcel)
    yield from _good(secret, parcel)


def _other_secret(_: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield _signed(OTHER_SECRET, parcel), parcel.body


def _changed(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield _signed(secret, parcel), parcel.body + b" "


def _unsigned(_: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield {}, parcel.body


def _moved(seconds: int) -> Callable[[str, Parcel], Iterator[tuple[Headers, bytes]]]:
    def moved(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
        yield _signed(secret, parcel, seconds=seconds), parcel.body

    return moved


def _replayed(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    yield {**_signed(secret, parcel, seconds=-AN_HOUR), TIMESTAMP: str(parcel.timestamp)}, parcel.body


def _version(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    headers = _signed(secret, parcel)
    yield {**headers, SIGNATURE: f"v2,{headers[SIGNATURE].partition(',')[2]}"}, parcel.body


def _several(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
    headers, others = _signed(secret, parcel), _signed(OTHER_SECRET, parcel)
    yield {**headers, SIGNATURE: f"{others[SIGNATURE]} {headers[SIGNATURE]}"}, parcel.body


def _rewritten(**changes: object) -> Callable[[str, Parcel], Iterator[tuple[Headers, bytes]]]:
    def rewritten(secret: str, parcel: Parcel) -> Iterator[tuple[Headers, bytes]]:
        body = json.dumps({**parcel.payload, **changes}).encode()
        yield _signed(secret, parcel, body), body

    return rewritten


CASES: Mapping[str, Case] = {
    "good": Case("a delivery as it should be", True, _good),
    "duplicate": Case("the same delivery twice: it is to be accepted again, and processed once", True, _duplicate),
    "several-signatures": Case("two signatures, as while a secret is being changed", True, _several),
    "unknown-event": Case("an event that is not documented yet", True, _rewritten(type="payment.considered")),
    "unknown-field": Case("a field that is not documented yet", True, _rewritten(undocumented_field=True)),
    "bad-signature": Case("signed with another secret", False, _other_secret),
    "changed-body": Case("a byte more than was signed", False, _changed),
    "unsigned": Case("without the three headers", False, _unsigned),
    "unknown-version": Case("a signature of version 2 alone", False, _version),
    "old": Case("signed an hour ago", False, _moved(-AN_HOUR)),
    "future": Case("signed for in an hour", False, _moved(AN_HOUR)),
    "replay": Case("signed an hour ago, with the timestamp of now", False, _replayed),
}
"""Every case by name. A handler accepts what is well signed, whether it knows it or not, and refuses the rest."""


def case_named(name: str) -> Case:
    """The case of this name; raises UsageError where there is none."""
    if name not in CASES:
        raise UsageError(
            f"There is no case {name!r}.",
            expected=f"one of {', '.join(CASES)}",
            got=repr(name),
            hint=did_you_mean(name, CASES),
        )
    return CASES[name]


class Sampler:
    """Makes sample deliveries of a seeded world, signed with `secret`. `clock` is in seconds since the epoch."""

    def __init__(
        self, contract: Contract, secret: str, *, seed: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        self.secret = secret
        world = World(contract, seed=seed)
        self._contract, self._clock = contract, clock
        self._composer = Composer(contract, world, Faults(contract, world, lambda _: None), secret)

    def __call__(self, event: str = "payment.succeeded", case: str = "good") -> list[Sample]:
        """The requests of one case, new ones each time: one, or two of a duplicate.

        Raises UsageError for an event or a case that does not exist.
        """
        chosen, now = case_named(case), self._clock()
        told = self._composer.make(self._contract.event(event), now)
        parcel = next(parcel for parcel in told if parcel.event == event)
        parcel.timestamp = int(now)
        return [
            Sample(case, event, chosen.accepted, {"content-type": "application/json", **headers}, body)
            for headers, body in chosen.make(self.secret, parcel)
        ]
