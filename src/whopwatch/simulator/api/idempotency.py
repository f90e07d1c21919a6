"""`Idempotency-Key`: a repeated POST with the same key is executed once and gets the same response again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.responses import Response

from whopwatch.simulator.api.errors import ApiError
from whopwatch.simulator.api.pipeline import ApiCall

REPLAYED_HEADER = "Idempotent-Replayed"


@dataclass
class Idempotency:
    """The responses to POSTs by key. They are kept until the simulator stops."""

    _answers: dict[tuple[str, str, str], tuple[bytes, Response]] = field(default_factory=dict)

    def replay(self, call: ApiCall) -> None:
        """Answer a repeated request. Raises ApiError 400 if its body differs from the first one."""
        slot = self._slot(call)
        known = self._answers.get(slot) if slot else None
        if known is None:
            return
        digest, response = known
        if digest != hashlib.sha256(call.raw_body).digest():
            raise ApiError(
                400,
                "This Idempotency-Key was used with another body.",
                code="parameter_invalid",
                param="Idempotency-Key",
            )
        headers = {**dict(response.headers), REPLAYED_HEADER: "true"}
        call.response = Response(bytes(response.body), response.status_code, headers)

    def remember(self, call: ApiCall, response: Response) -> None:
        """Keep the response to an executed request."""
        slot = self._slot(call)
        if slot and response.status_code < 400 and REPLAYED_HEADER.lower() not in response.headers:
            self._answers[slot] = (hashlib.sha256(call.raw_body).digest(), response)

    @staticmethod
    def _slot(call: ApiCall) -> tuple[str, str, str] | None:
        key = call.headers.get("idempotency-key")
        if key is None or call.method != "POST" or call.operation is None:
            return None
        return call.key, f"{call.operation.id} {call.path}", key
