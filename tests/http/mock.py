"""A transport that answers with a function of httpx.Request and httpx.Response, in the place of the network."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from whopwatch.core.exchange import Failure
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse, RequestFailedError

FAILURES: dict[type[httpx.TransportError], Failure] = {
    httpx.ConnectError: Failure.CONNECT,
    httpx.ConnectTimeout: Failure.CONNECT_TIMEOUT,
    httpx.ReadError: Failure.RESET,
    httpx.ReadTimeout: Failure.READ_TIMEOUT,
    httpx.RemoteProtocolError: Failure.PROTOCOL,
    httpx.WriteTimeout: Failure.WRITE_TIMEOUT,
}
"""The failure of a request for which the function raises an error of httpx."""


class MockTransport:
    """Answers requests with `handle`."""

    def __init__(self, handle: Callable[[httpx.Request], httpx.Response]) -> None:
        self._handle = handle

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Return what `handle` returns for `request`."""
        sent = httpx.Request(request.method, request.url, headers=list(request.headers), content=request.body)
        try:
            answer = self.handle_request(sent)
        except httpx.TransportError as error:
            raise RequestFailedError(FAILURES[type(error)]) from None
        timer.headers_complete()
        return raw(answer, timer)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return what `handle` returns."""
        return self._handle(request)

    def close(self) -> None:
        """Close nothing."""


def raw(answer: httpx.Response, timer: AttemptTimer) -> RawResponse:
    """Return `answer` as the network returns it."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers.raw]
    return RawResponse(
        status=answer.status_code, phases=timer.phases(), headers=headers, body=bytearray(answer.content)
    )
