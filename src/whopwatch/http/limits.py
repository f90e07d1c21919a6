"""How much of everything one request, and one client, may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `burst` at once, then `per_second`. Any 60 s see at most burst + 60 * per_second."""

    burst: int
    per_second: float


DOCUMENTED_RATE = Rate(burst=120, per_second=8.0)
"""600 requests a minute for one operation and key, as documented, whichever minute one looks at."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a client. Times are in seconds, sizes in bytes.

    `deadline` covers a whole attempt: connecting, sending, waiting and reading. `body_bytes` bounds the body
    both as it came and unpacked. `retries` is how often a request is sent again after a 429 or 503; one wait
    is at most `retry_wait`, all waits of a client together at most `patience`; `backoff` is the first wait
    where the server names none, and doubles. `rate` holds for each operation, None for no pacing.
    """

    deadline: float = 30.0
    connect: float = 10.0
    read: float = 20.0
    write: float = 10.0
    body_bytes: int = 8 * 2**20
    header_bytes: int = 32 * 2**10
    header_count: int = 128
    retries: int = 2
    retry_wait: float = 60.0
    patience: float = 300.0
    backoff: float = 1.0
    rate: Rate | None = DOCUMENTED_RATE
