"""One webhook delivery on its way out: composed once, signed anew for each attempt.

As with requests, each step can be wrapped: that is how a fault changes what is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from whopwatch.signature import signed_headers

MEDIA_TYPE = "application/json"


@dataclass
class Parcel:
    """A delivery. `timestamp` is that of the attempt, in seconds since the epoch; `delays` wait before each retry.

    `url` is empty until it is known who it is for.
    """

    event: str
    id: str
    secret: str = field(repr=False)
    payload: Any = field(repr=False)
    delays: tuple[float, ...] = ()
    url: str = field(default="", repr=False)
    attempt: int = 0
    timestamp: int = 0
    body: bytes = field(default=b"", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


Proceed = Callable[[], None]
Tamper = Callable[[Parcel, Proceed], None]
"""Runs in place of a step: `tamper(parcel, proceed)`."""


def compose(parcel: Parcel) -> None:
    """Write the payload as the bytes that are sent."""
    parcel.body = json.dumps(parcel.payload, separators=(",", ":"), ensure_ascii=False).encode()


def sign(parcel: Parcel) -> None:
    """Make the headers of this attempt."""
    signed = signed_headers(parcel.secret, parcel.id, parcel.timestamp, parcel.body)
    parcel.headers = {"content-type": MEDIA_TYPE, **signed}


STEPS: dict[str, Callable[[Parcel], None]] = {"compose": compose, "sign": sign}


def run(step: str, parcel: Parcel, tampers: Iterable[Tamper]) -> None:
    """Take one step. Of several `tampers` the last is outermost."""

    def proceed() -> None:
        STEPS[step](parcel)

    for tamper in tampers:
        proceed = _around(tamper, parcel, proceed)
    proceed()


def _around(tamper: Tamper, parcel: Parcel, inner: Proceed) -> Proceed:
    return lambda: tamper(parcel, inner)
