"""A simulator without a network: fast enough for many whole runs."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

import httpx
from starlette.datastructures import Headers

from whopwatch.config import Secret, Target
from whopwatch.contract import Contract
from whopwatch.http.network import TIMER
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.backend import Backend, SimulatorOptions


class InProcess(httpx.BaseTransport):
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

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._before:
            self._before(self.backend)
        path, _, query = request.url.raw_path.decode("latin-1").partition("?")
        api, _, below = path.removeprefix("/api/").partition("/")
        call = ApiCall(
            method=request.method,
            api=api,
            path=f"/{below}",
            query_pairs=parse_qsl(query, keep_blank_values=True),
            headers=Headers(raw=[(name.lower(), value) for name, value in request.headers.raw]),
            raw_body=b"",
        )
        answer = self.backend.answer(call)
        # The time to compute a response is not time on the wire: no deadline may pass on a busy machine.
        request.extensions[TIMER].start()
        return httpx.Response(answer.status_code, headers=answer.raw_headers, content=bytes(answer.body))
