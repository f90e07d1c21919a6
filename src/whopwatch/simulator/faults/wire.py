"""Faults in the bytes of a response: bodies that are not JSON, and responses that are late or incomplete."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.answer import HTML_BODY
from whopwatch.simulator.faults.changes import where_possible
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of

NESTED_ARRAYS = 400


def _inserted(what: bytes) -> Callable[[bytes], bytes]:
    """Return a change that inserts `what` as the first member of the document."""
    return lambda body: body.replace(b"{", b"{" + what + (b"," if body[1:2] != b"}" else b""), 1)


def _twice(body: bytes) -> bytes:
    """Repeat the first key of the document."""
    value = json.loads(body)
    if not isinstance(value, dict) or not value:
        return body
    return _inserted(json.dumps(next(iter(value))).encode() + b":null")(body)


BODY_BYTES: Mapping[str, Callable[[bytes], bytes]] = {
    "html": lambda body: HTML_BODY,
    "empty": lambda body: b"",
    "half": lambda body: body[: len(body) // 2],
    "trailing": lambda body: body + b"\n<!-- served by cache-7 -->",
    "twice": lambda body: body + body,
    "jsonp": lambda body: b"callback(" + body + b");",
    "guarded": lambda body: b")]}',\n" + body,
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "utf-16": lambda body: body.decode().encode("utf-16"),
    "latin-1": lambda body: (body.decode() + "\u00a0é").encode("latin-1", "replace"),
    "bad-utf-8": _inserted(b'"note":"\xff\xfe"'),
    "nan": _inserted(b'"ratio":NaN'),
    "infinity": _inserted(b'"ratio":-Infinity'),
    "key-twice": _twice,
    "deep": _inserted(b'"tree":' + b"[" * NESTED_ARRAYS + b"]" * NESTED_ARRAYS),
    "single-quotes": lambda body: body.replace(b'"', b"'"),
    "lines": lambda body: b"\n".join(body.split(b"},")),
}
"""Other bytes instead of a JSON document."""


def change_bytes(
    context: FaultContext, *, form: str, media_type: str = "application/json; charset=utf-8"
) -> FaultPlan | None:
    """Change the bytes of success responses: `form` is a key of BODY_BYTES."""
    if context.view is None:
        return None
    change = setting_of(BODY_BYTES, "form", form)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            body = where_possible(change, bytes(call.response.body))
            call.response = Response(body, call.status, {**call.response_headers, "content-type": media_type})

    return around("respond", changed, "header:content-type" if "json" not in media_type else "")


class SlowResponse(Response):
    """A response that begins `wait` seconds late and takes `drip` seconds for its body."""

    def __init__(self, inner: Response, wait: float = 0.0, drip: float = 0.0, pieces: int = 10) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._wait, self._drip, self._pieces = wait, drip, pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response slowly."""
        await anyio.sleep(self._wait)
        if not self._drip:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body, size = bytes(self.body), max(1, len(self.body) // self._pieces)
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await anyio.sleep(self._drip / self._pieces)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class TruncatedResponse(Response):
    """A response that ends after `share` of the announced length."""

    def __init__(self, inner: Response, share: float) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the first part only: the server then closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        part = bytes(self.body)[: int(len(self.body) * self._share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})


def delay_response(context: FaultContext, *, wait: float = 0.0, drip: float = 0.0, every: int = 1) -> FaultPlan:
    """Wait `wait` seconds before the response, or take `drip` seconds for its body; for every `every`th request."""
    requests = count(1)

    def delayed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if next(requests) % every == 0 and call.response is not None:
            call.response = SlowResponse(call.response, wait, drip)

    return around("respond", delayed, "latency")


def truncate_response(context: FaultContext, *, share: float, every: int = 1) -> FaultPlan:
    """Close the connection after `share` of the body, for every `every`th request."""
    requests = count(1)

    def broken(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if next(requests) % every == 0 and call.response is not None:
            call.response = TruncatedResponse(call.response, share)

    return around("respond", broken, "")


def claim_encoding(context: FaultContext, *, name: str, form: str) -> FaultPlan:
    """Announce the content encoding `name` for a body that is `plain`, or `broken` or `cut` gzip."""
    forms: Mapping[str, Callable[[bytes], bytes]] = {
        "plain": lambda body: body,
        "broken": lambda body: gzip.compress(body, mtime=0)[:10] + b"\x00" * 40,
        "cut": lambda body: gzip.compress(body, mtime=0)[:-20],
    }

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            headers: dict[str, Any] = {**call.response_headers, "content-encoding": name}
            body = forms[form](bytes(call.response.body))
            call.response = Response(body, call.status, headers, "application/json; charset=utf-8")

    return around("respond", changed, "header:content-encoding")


WIRE_FAULTS: FaultSteps = {
    "document": change_bytes,
    "slow": delay_response,
    "cut": truncate_response,
    "encoded": claim_encoding,
}
