"""A proxy in front of the simulated API, in this process, which changes requests and responses of one operation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whopwatch.contract import Contract

PREFIX = "/api/v1"
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Ask:
    """One request. `path` is below the base URL, `query` in the order of the URL."""

    method: str
    path: str
    query: Pairs
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    def without(self, *names: str) -> Ask:
        """Return the request without these query parameters."""
        return replace(self, query=tuple(pair for pair in self.query if pair[0] not in names))

    def with_(self, **values: str) -> Ask:
        """Return the request with other values of these query parameters."""
        return replace(self, query=(*self.without(*values).query, *values.items()))

    def header(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    @property
    def value(self) -> Any:
        """The JSON body."""
        return json.loads(self.body)

    def with_value(self, value: Any, status: int | None = None) -> Answer:
        """Return the response with another JSON body."""
        return replace(self, body=json.dumps(value, separators=(",", ":")).encode(), status=status or self.status)

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        """Return the response with these headers added or replaced."""
        kept = (pair for pair in self.headers if pair[0] not in headers)
        return replace(self, headers=(*kept, *headers.items()))


Upstream = Callable[[Ask], Awaitable[Answer]]
Twist = Callable[[Ask, Upstream], Awaitable[Answer]]


class Front:
    """Count every request; those of the operations in `twists` go through their twist.

    `requests` counts received requests by method, `fired` the responses that were changed.
    """

    def __init__(self, app: ASGIApp, contract: Contract, twists: Mapping[str, Twist]) -> None:
        self._app, self._contract, self._twists = app, contract, twists
        self.requests: Counter[str] = Counter()
        self.fired = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, with the twist of its operation."""
        self.requests[scope["method"]] += 1
        ask = _ask_of(scope)
        twist = self._twist_for(scope, ask)
        if twist is None:
            await self._app(scope, receive, send)
            return
        plain: dict[Ask, Answer] = {}

        async def upstream(inner: Ask) -> Answer:
            if inner not in plain:
                plain[inner] = await self._inner(scope, inner)
            return plain[inner]

        answer = await twist(ask, upstream)
        self.fired += answer != await upstream(ask)
        await _deliver(answer, send)

    def _twist_for(self, scope: Scope, ask: Ask) -> Twist | None:
        if not scope["path"].startswith(PREFIX):
            return None
        operation = self._contract.match(ask.method, ask.path.rstrip("/"))
        return self._twists.get(operation.id) if operation else None

    async def _inner(self, scope: Scope, ask: Ask) -> Answer:
        """Return the complete response of the application to `ask`. Reads only: there is no request body."""
        messages: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            messages.append(dict(message))

        path = PREFIX + ask.path
        inner = {
            **scope,
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": urlencode(ask.query).encode(),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in ask.headers],
        }
        await self._app(inner, receive, send)
        start = messages[0]
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"])
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(start["status"], headers, body)


def _ask_of(scope: Scope) -> Ask:
    raw = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return Ask(scope["method"], raw.removeprefix(PREFIX), tuple(query), headers)


async def _deliver(answer: Answer, send: Send) -> None:
    headers = [*_unframed(answer.headers), ("content-length", str(len(answer.body)))]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})


def _unframed(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in headers if pair[0].lower() != "content-length"]
