"""A simulator without a network: fast enough for many whole runs."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.backend import Backend, SimulatorOptions


class InProcess:
    """Passes requests to the backend of a simulator; `before` is called with it first."""

    def __init__(
        self, contract: Contract, options: SimulatorOptions, before: Callable[[Backend], None] | None = None
    ) -> None:
        self.backend = Backend(contract, options)
        self._before = before

    def target(self) -> Target:
        return Target(
            name="simulator",
            base_url="http://127.0.0.1:1/api/v1",
            v2_base_url="http://127.0.0.1:1/api/v2",
            api_key=Secret(self.backend.api_key),
            company_id=self.backend.world.account.id,
        )

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        if self._before:
            self._before(self.backend)
        url = urlsplit(request.url)
        path, query = url.path, url.query
        api, _, below = path.removeprefix("/api/").partition("/")
        call = ApiCall(
            method=request.method,
            api=api,
            path=f"/{below}",
            query_pairs=parse_qsl(query, keep_blank_values=True),
            headers=Headers(dict(request.headers)),
            raw_body=request.body or b"",
        )
        answer = self.backend.answer(call)
        # The time to compute a response is not time on the wire: no deadline may pass on a busy machine.
        timer.start()
        timer.headers_complete()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers]
        return RawResponse(answer.status_code, timer.phases(), headers, bytearray(answer.body))

    def close(self) -> None:
        """Close nothing."""
