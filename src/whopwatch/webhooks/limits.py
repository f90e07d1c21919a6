"""Limits of the receiver: those of its HTTP server, and the number and rate of deliveries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from whopwatch.core.bounded_http import HttpLimits, OpenConnections, accepted_at_once, bounded_protocol


@dataclass(frozen=True, slots=True)
class ReceiverLimits(HttpLimits):
    """The limits of a server, and of its deliveries: `rate` is in verified deliveries a second.

    A delivery is answered within `body_seconds` plus `forward_seconds`, which is less than the 5 s that Whop waits.
    At most `waiting` deliveries with `waiting_bytes` in total wait for the checks.
    """

    waiting: int = 5000
    waiting_bytes: int = 64 * 2**20
    rate: float = 2000.0
    forward_seconds: float = 3.0


class DeliveryRateLimit:
    """A token bucket that holds the tokens of one second. `clock` is in seconds and monotonic."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._tokens, self._at = max(rate, 1.0), clock()

    def take(self) -> bool:
        """Take a token; return False if none is left."""
        now = self._clock()
        self._tokens = min(max(self._rate, 1.0), self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def server_settings(limits: ReceiverLimits, connections: OpenConnections) -> dict[str, Any]:
    """Return the settings of a uvicorn server that enforces `limits`."""
    return {
        "http": bounded_protocol(limits, connections),
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "log_config": None,
        "log_level": "critical",
        "access_log": False,
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 5,
        "backlog": accepted_at_once(limits.connections),
    }
