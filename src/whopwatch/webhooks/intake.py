"""What answers a sender: as little as it takes to know that a delivery is one. The checks come later, elsewhere."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from whopwatch.signature import Headers, Reason, Refusal, Signed, screen
from whopwatch.webhooks.bounds import Bodies, Bounds, Bucket, GoneError, TooLargeError
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.judge import Judge
from whopwatch.webhooks.retries import Retries

Take = Callable[[Delivery, Signed], bool]
"""Takes a delivery over for the checks; False where there is no room."""
Forward = Callable[[Delivery], Awaitable[int]]
"""Passes a delivery on; the status of the answer."""


class Overload(StrEnum):
    """Why something is not taken that is no matter of signatures."""

    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    GONE = "gone"
    RATE = "rate"
    NO_ROOM = "no-room"
    TRIED_AGAIN = "retry-provoked"
    METHOD = "method"


STATUS = {
    Overload.TOO_LARGE: 413,
    Overload.TOO_SLOW: 408,
    Overload.GONE: 400,
    Overload.RATE: 429,
    Overload.NO_ROOM: 503,
    Overload.TRIED_AGAIN: 503,
    Overload.METHOD: 405,
}
UNSIGNED = 401
REASONS = (*Reason, *Overload)


class Intake:
    """The ASGI application. A delivery that verifies is handed over, answered with 200, and checked afterwards.

    Where there is a `forward`, its status is the answer: a handler that fails is tried again by the sender itself.
    `note` is told of all that is not taken.
    """

    def __init__(
        self,
        judge: Judge,
        take: Take,
        note: Callable[[Refusal | Overload], None],
        *,
        bounds: Bounds,
        retries: Retries,
        forward: Forward | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._judge, self._take, self._note = judge, take, note
        self._forward, self._retries, self._clock = forward, retries, clock
        self._bounds, self._bodies, self._bucket = bounds, Bodies(bounds), Bucket(bounds.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "GET" and scope["path"] == "/healthz":
            response: Response = PlainTextResponse("ok\n")
        else:
            outcome = await self._received(scope, receive)
            response = self._answer(outcome)
        await response(scope, receive, send)

    async def _received(self, scope: Scope, receive: Receive) -> int | Refusal | Overload:
        if scope["method"] != "POST":
            return Overload.METHOD
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        # Before a single byte of the body: who cannot have signed it does not get to send it.
        screened = screen(headers, self._clock(), tolerance=self._judge.tolerance)
        if isinstance(screened, Refusal):
            return screened
        if _announced(headers) > self._bounds.body_bytes:
            return Overload.TOO_LARGE
        try:
            body = await self._bodies.read(receive)
        except TooLargeError:
            return Overload.TOO_LARGE
        except TimeoutError:
            return Overload.TOO_SLOW
        except GoneError:
            return Overload.GONE
        return await self._accepted(Delivery(headers, body, self._clock()))

    async def _accepted(self, delivery: Delivery) -> int | Refusal | Overload:
        signed = self._judge.admit(delivery)
        if isinstance(signed, Refusal):
            return signed
        if not self._bucket.take():
            return Overload.RATE
        if self._retries.refuses(signed.id, delivery.received_at):
            return Overload.TRIED_AGAIN
        if not self._take(delivery, signed):
            return Overload.NO_ROOM
        return await self._forward(delivery) if self._forward else 200

    def _answer(self, outcome: int | Refusal | Overload) -> Response:
        if isinstance(outcome, int):
            return Response(status_code=outcome)
        self._note(outcome)
        # What is still to come of a refused body is not waited for.
        headers = {"connection": "close"}
        if isinstance(outcome, Refusal):
            return PlainTextResponse(f"{outcome.reason}\n", UNSIGNED, headers)
        if outcome in (Overload.RATE, Overload.NO_ROOM):
            headers["retry-after"] = "1"
        return PlainTextResponse(f"{outcome}\n", STATUS[outcome], headers)


def _announced(headers: Headers) -> int:
    """The length that a request announces, 0 where it does not."""
    text = next((value for name, value in headers if name == "content-length"), "")
    return int(text[:20]) if text.isascii() and text.isdigit() else 0
