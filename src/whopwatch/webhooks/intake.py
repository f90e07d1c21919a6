"""The receiver's ASGI application: verify a delivery, queue it for the checks, respond; and the limits of all that."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from whopwatch.core.bounded_http import (
    BodyReader,
    BodyTooLargeError,
    HttpLimits,
    OpenConnections,
    SenderGoneError,
    accepted_at_once,
    bounded_protocol,
)
from whopwatch.signature import HeaderPairs, Reason, Refusal, Signed, check_signature_headers
from whopwatch.webhooks.checker import DeliveryChecker
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.repeats import RetryMonitor

Enqueue = Callable[[Delivery, Signed], bool]
"""Queues a delivery for the checks; returns False if the queue is full."""
ForwardDelivery = Callable[[Delivery], Awaitable[int]]
"""Forwards a delivery to a handler; returns the status of its response."""
_UNVERIFIED = 401


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


class Rejection(StrEnum):
    """Why a request is rejected for a reason other than its signature."""

    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    GONE = "gone"
    RATE = "rate"
    NO_ROOM = "no-room"
    TRIED_AGAIN = "retry-provoked"
    METHOD = "method"


_STATUSES = {
    Rejection.TOO_LARGE: 413,
    Rejection.TOO_SLOW: 408,
    Rejection.GONE: 400,
    Rejection.RATE: 429,
    Rejection.NO_ROOM: 503,
    Rejection.TRIED_AGAIN: 503,
    Rejection.METHOD: 405,
}
REJECTION_REASONS = (*Reason, *Rejection)


class ReceiverApp:
    """Responds with 200 to a delivery that verifies, and queues it for the checks.

    With `forward`, the handler's status is the response: if the handler fails, Whop itself retries the delivery.
    `note` is called for every request that is rejected.
    """

    def __init__(
        self,
        checker: DeliveryChecker,
        enqueue: Enqueue,
        note: Callable[[Refusal | Rejection], None],
        *,
        limits: ReceiverLimits,
        retries: RetryMonitor,
        forward: ForwardDelivery | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._checker, self._enqueue, self._note = checker, enqueue, note
        self._forward, self._retries, self._clock = forward, retries, clock
        self._limits, self._bodies = limits, BodyReader(limits)
        self._rate = DeliveryRateLimit(limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["method"] == "GET" and scope["path"] == "/healthz":
            response: Response = PlainTextResponse("ok\n")
        else:
            response = self._response(await self._receive(scope, receive))
        await response(scope, receive, send)

    async def _receive(self, scope: Scope, receive: Receive) -> int | Refusal | Rejection:
        if scope["method"] != "POST":
            return Rejection.METHOD
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        # Checked before the body is read: a sender whose headers are wrong does not get to send a body.
        checked = check_signature_headers(headers, self._clock(), tolerance=self._checker.tolerance)
        if isinstance(checked, Refusal):
            return checked
        if _content_length(headers) > self._limits.body_bytes:
            return Rejection.TOO_LARGE
        try:
            body = await self._bodies.read(receive)
        except BodyTooLargeError:
            return Rejection.TOO_LARGE
        except TimeoutError:
            return Rejection.TOO_SLOW
        except SenderGoneError:
            return Rejection.GONE
        return await self._accept(Delivery(headers, body, self._clock()))

    async def _accept(self, delivery: Delivery) -> int | Refusal | Rejection:
        signed = self._checker.verify(delivery)
        if isinstance(signed, Refusal):
            return signed
        if not self._rate.take():
            return Rejection.RATE
        if self._retries.should_refuse(signed.id, delivery.received_at):
            return Rejection.TRIED_AGAIN
        if not self._enqueue(delivery, signed):
            return Rejection.NO_ROOM
        return await self._forward(delivery) if self._forward else 200

    def _response(self, outcome: int | Refusal | Rejection) -> Response:
        if isinstance(outcome, int):
            return Response(status_code=outcome)
        self._note(outcome)
        # The rest of a rejected body is not read.
        headers = {"connection": "close"}
        if isinstance(outcome, Refusal):
            return PlainTextResponse(f"{outcome.reason}\n", _UNVERIFIED, headers)
        if outcome in (Rejection.RATE, Rejection.NO_ROOM):
            headers["retry-after"] = "1"
        return PlainTextResponse(f"{outcome}\n", _STATUSES[outcome], headers)


def _content_length(headers: HeaderPairs) -> int:
    """Return the announced length of the body, 0 if the request does not announce one."""
    text = next((value for name, value in headers if name == "content-length"), "")
    return int(text[:20]) if text.isascii() and text.isdigit() else 0
