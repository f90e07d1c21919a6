"""One webhook delivery: composed once, signed again for each attempt.

Each step can be wrapped, as the steps of a request can: a fault changes a delivery in this way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from whopwatch.signature import signed_headers


@dataclass
class OutgoingDelivery:
    """A delivery to one receiver; `url` is empty until the receiver is known.

    `timestamp` is the time of the attempt in seconds since 1970, `delays` are the seconds before each retry.
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


DeliveryWrapper = Callable[[OutgoingDelivery, Callable[[], None]], None]
"""Runs in place of a step: `wrapper(delivery, proceed)`; `proceed()` runs the step."""


def _compose(delivery: OutgoingDelivery) -> None:
    """Write the payload as the bytes to send."""
    delivery.body = json.dumps(delivery.payload, separators=(",", ":"), ensure_ascii=False).encode()


def _sign(delivery: OutgoingDelivery) -> None:
    """Make the headers of this attempt."""
    signed = signed_headers(delivery.secret, delivery.id, delivery.timestamp, delivery.body)
    delivery.headers = {"content-type": "application/json", **signed}


DELIVERY_STEPS: dict[str, Callable[[OutgoingDelivery], None]] = {"compose": _compose, "sign": _sign}


def run_delivery_step(step: str, delivery: OutgoingDelivery, wrappers: Iterable[DeliveryWrapper]) -> None:
    """Run one of DELIVERY_STEPS inside of `wrappers`, of which the last is outermost."""

    def proceed() -> None:
        DELIVERY_STEPS[step](delivery)

    for wrapper in wrappers:
        proceed = _wrapped(wrapper, delivery, proceed)
    proceed()


def _wrapped(wrapper: DeliveryWrapper, delivery: OutgoingDelivery, inner: Callable[[], None]) -> Callable[[], None]:
    return lambda: wrapper(delivery, inner)
