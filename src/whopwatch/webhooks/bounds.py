"""How much of everything a receiver takes, from whomever it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in bytes, times in seconds, `rate` in verified deliveries a second.

    A delivery is answered within `body_seconds` and `forward_seconds` together, which is less than the 5 s that Whop
    waits. `waiting` deliveries of `waiting_bytes` together are kept for the checks.
    """

    head_bytes: int = 32 * 2**10
    head_seconds: float = 5.0
    body_bytes: int = 2**20
    body_seconds: float = 1.5
    open_bytes: int = 32 * 2**20
    connections: int = 1000
    waiting: int = 5000
    waiting_bytes: int = 64 * 2**20
    rate: float = 2000.0
    forward_seconds: float = 3.0


class TooLargeError(Exception):
    """A body of more bytes than are taken."""


class GoneError(Exception):
    """A sender that went away before its body was complete."""


@dataclass(slots=True)
class _Open:
    bound: asyncio.Timeout
    size: int = 0


class Bodies:
    """Reads bodies, many at a time, within bounds that hold for each and for all together.

    Where all together are too large, the oldest one that is not complete has had its time: a sender of signed
    deliveries is done within milliseconds, and who sends slowly on purpose displaces nobody but others like him.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._open: dict[int, _Open] = {}
        self._size = 0
        self._number = 0

    async def read(self, receive: Receive) -> bytes:
        """One whole body. Raises TooLargeError, TimeoutError or GoneError."""
        self._number += 1
        number, parts = self._number, []
        async with asyncio.timeout(self._bounds.body_seconds) as bound:
            here = self._open[number] = _Open(bound)
            try:
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise GoneError
                    part = message.get("body", b"")
                    parts.append(part)
                    self._grow(here, len(part))
                    if not message.get("more_body", False):
                        return b"".join(parts)
            finally:
                del self._open[number]
                self._size -= here.size

    def _grow(self, here: _Open, size: int) -> None:
        here.size += size
        self._size += size
        if here.size > self._bounds.body_bytes:
            raise TooLargeError
        if self._size > self._bounds.open_bytes:
            oldest = next(iter(self._open.values()))
            with suppress(RuntimeError):  # its time was over already
                oldest.bound.reschedule(asyncio.get_running_loop().time())


class Bucket:
    """A token bucket that holds the tokens of one second. `clock` is in seconds and monotonic."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._tokens, self._at = max(rate, 1.0), clock()

    def take(self) -> bool:
        """Whether there was a token left."""
        now = self._clock()
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
