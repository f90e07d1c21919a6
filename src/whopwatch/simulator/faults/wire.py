"""Faults below the content: bytes that are not the JSON they should be, and answers that come late or not whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from whopwatch.simulator.faults.answer import HTML
from whopwatch.simulator.faults.changes import where_possible
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed

DEPTH = 400


def _inserted(what: bytes) -> Callable[[bytes], bytes]:
    """The document with `what` as its first member."""
    return lambda body: body.replace(b"{", b"{" + what + (b"," if body[1:2] != b"}" else b""), 1)


def _twice(body: bytes) -> bytes:
    """The first key of the document once more."""
    value = json.loads(body)
    if not isinstance(value, dict) or not value:
        return body
    return _inserted(json.dumps(next(iter(value))).encode() + b":null")(body)


BYTES: Mapping[str, Callable[[bytes], bytes]] = {
    "html": lambda body: HTML,
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
    "deep": _inserted(b'"tree":' + b"[" * DEPTH + b"]" * DEPTH),
    "single-quotes": lambda body: body.replace(b'"', b"'"),
    "lines": lambda body: b"\n".join(body.split(b"},")),
}
"""Other bytes in place of a JSON document."""


def document(place: Place, *, form: str, media_type: str = "application/json; charset=utf-8") -> Plan | None:
    """Other bytes in success answers: a key of BYTES."""
    if place.view is None:
        return None
    change = BYTES[form]

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            body = where_possible(change, bytes(call.response.body))
            call.response = Response(body, call.status, {**call.response_headers, "content-type": media_type})

    return around("respond", changed, "header:content-type" if "json" not in media_type else "")


class Late(Response):
    """Another response, which begins `wait` seconds late and takes `drip` seconds over its body."""

    def __init__(self, inner: Response, wait: float = 0.0, drip: float = 0.0, pieces: int = 10) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._wait, self._drip, self._pieces = wait, drip, pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, slowly."""
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


class Broken(Response):
    """Another response that announces its whole length and ends after a part of it."""

    def __init__(self, inner: Response, share: float) -> None:
        super().__init__(bytes(inner.body), inner.status_code, dict(inner.headers))
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the beginning and leave: the server closes the connection then."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        part = bytes(self.body)[: int(len(self.body) * self._share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})


def slow(place: Place, *, wait: float = 0.0, drip: float = 0.0, every: int = 1) -> Plan:
    """Seconds to wait before the answer, or to take over its body; for every so manieth request."""
    asked = count(1)

    def delayed(call: Call, proceed: Proceed) -> None:
        proceed()
        if next(asked) % every == 0 and call.response is not None:
            call.response = Late(call.response, wait, drip)

    return around("respond", delayed, "latency")


def cut(place: Place, *, share: float, every: int = 1) -> Plan:
    """Close the connection after a share of the body, for every so manieth request."""
    asked = count(1)

    def broken(call: Call, proceed: Proceed) -> None:
        proceed()
        if next(asked) % every == 0 and call.response is not None:
            call.response = Broken(call.response, share)

    return around("respond", broken, "")


def encoded(place: Place, *, name: str, form: str) -> Plan:
    """Announce the content encoding `name` for a body that is `plain`, or `broken` or `cut` gzip."""
    forms: Mapping[str, Callable[[bytes], bytes]] = {
        "plain": lambda body: body,
        "broken": lambda body: gzip.compress(body, mtime=0)[:10] + b"\x00" * 40,
        "cut": lambda body: gzip.compress(body, mtime=0)[:-20],
    }

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        if call.status < 300 and call.response is not None:
            headers: dict[str, Any] = {**call.response_headers, "content-encoding": name}
            body = forms[form](bytes(call.response.body))
            call.response = Response(body, call.status, headers, "application/json; charset=utf-8")

    return around("respond", changed, "header:content-encoding")


STEPS: Table = {"document": document, "slow": slow, "cut": cut, "encoded": encoded}
