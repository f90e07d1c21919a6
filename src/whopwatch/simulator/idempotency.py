"""`Idempotency-Key`: the same POST with the same key is carried out once and answered the same way again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.responses import Response

from whopwatch.simulator.pipeline import Call
from whopwatch.simulator.problem import ApiError

REPLAYED = "Idempotent-Replayed"


@dataclass
class Idempotency:
    """The answers given so far, by key. They are kept for as long as the simulator runs."""

    _answers: dict[tuple[str, str, str], tuple[bytes, Response]] = field(default_factory=dict)

    def replay(self, call: Call) -> None:
        """Answer a call that was carried out before. Raises ApiError 400 where the key came with another body."""
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
        headers = {**dict(response.headers), REPLAYED: "true"}
        call.response = Response(bytes(response.body), response.status_code, headers)

    def remember(self, call: Call, response: Response) -> None:
        """Keep the answer to a call that was carried out."""
        slot = self._slot(call)
        if slot and response.status_code < 400 and REPLAYED.lower() not in response.headers:
            self._answers[slot] = (hashlib.sha256(call.raw_body).digest(), response)

    @staticmethod
    def _slot(call: Call) -> tuple[str, str, str] | None:
        key = call.headers.get("idempotency-key")
        if key is None or call.method != "POST" or call.operation is None:
            return None
        return call.key, f"{call.operation.id} {call.path}", key
