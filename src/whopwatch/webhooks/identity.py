"""Ids of deliveries: one for each event however often it is sent, and none for two.

A receiver drops what comes twice by the id. So an id that is used again loses events, and a retry with an id of its own
is processed twice.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256

from whopwatch.core.finding import Finding, Severity
from whopwatch.webhooks.checks import found
from whopwatch.webhooks.delivery import UNKNOWN

REMEMBERED = 10_000
"""How many of the last deliveries are remembered, each by two digests."""


class Identity:
    """The deliveries of lately. Not for several threads."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._most = remembered
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._ids: OrderedDict[bytes, bytes] = OrderedDict()

    def see(self, id: str, body: bytes, event: str = UNKNOWN) -> tuple[bool, Finding | None]:
        """Whether this delivery has been seen before, and what is wrong about its id."""
        named, contained = sha256(id.encode()).digest(), sha256(body).digest()
        known_body = self._keep(self._bodies, named, contained)
        known_id = self._keep(self._ids, contained, named)
        if known_body is not None and known_body != contained:
            return False, _reused(event)
        if known_id is not None and known_id != named:
            return True, _renamed(event)
        return known_body is not None, None

    def _keep(self, known: OrderedDict[bytes, bytes], key: bytes, value: bytes) -> bytes | None:
        """What is remembered of `key`, which from now on is `value` where it was nothing."""
        before = known.get(key)
        if before is None:
            known[key] = value
            if len(known) > self._most:
                known.popitem(last=False)
        return before


def _reused(event: str) -> Finding:
    return found(
        "identity",
        "D23",
        Severity.CRITICAL,
        event,
        "header:webhook-id",
        expected="an id of its own for each event",
        observed="an id that another delivery had",
        what="two deliveries of different content have one id: whoever drops duplicates loses one of them",
    )


def _renamed(event: str) -> Finding:
    return found(
        "identity",
        "D23",
        Severity.CRITICAL,
        event,
        "header:webhook-id",
        expected="the same id at each attempt",
        observed="another id",
        what="the same delivery comes with two ids: whoever drops duplicates processes it twice",
    )
