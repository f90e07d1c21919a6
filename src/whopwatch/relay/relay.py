"""A loopback server that stands where a program expects the API, and passes its requests on through the client.

So an SDK or an MCP server that is run as a program of its own is held to the target's mode, budget and pace, and
never has the key: it is given a token that means nothing elsewhere. Every request that it made is on record.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import anyio.to_thread

from whopwatch.contract import Contract
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.exchange import Credential, Exchange, Purpose
from whopwatch.core.local_server import HOST, served
from whopwatch.http import Call, Client
from whopwatch.relay.paths import filled

BASE = "/api/v1"
PASSED_ON = ("content-type", "retry-after", "x-request-id")
"""Response headers that a program gets to see. It is told never to retry: that is the client's business."""
MAX_BODY = 1 << 20


class Relay:
    """The requests of one program, one after the other, as Exchanges.

    `token` is the key that the program is to send. `exchanges` are the answers it got, `refused` the documented
    requests that were not sent on (what they were and why), `unknown` those that no operation matches.
    """

    def __init__(self, client: Client, contract: Contract) -> None:
        self.token = f"relay_{secrets.token_hex(16)}"
        self.exchanges: list[Exchange] = []
        self.refused: list[tuple[str, str]] = []
        self.unknown: list[tuple[str, str]] = []
        self.url = ""
        self._client = client
        self._contract = contract
        self._lock = Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_BODY or not message.get("more_body"):
                break
        status, headers, content = await anyio.to_thread.run_sync(self._answer, scope, body)
        fixed = [(b"x-should-retry", b"false"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *fixed]})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        method, path = scope["method"], scope["raw_path"].decode("latin-1").partition("?")[0]
        below = path.removeprefix(BASE)
        operation = self._contract.match(method, below) if path.startswith(BASE) else None
        if operation is None:
            self.unknown.append((method, path))
            return _refusal(HTTPStatus.NOT_FOUND, "no documented operation has this method and path")
        template, path_params = filled(operation, below)
        call = Call(
            operation=operation,
            purpose=Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
            path_params=path_params,
            query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            body=_json(body),
            credential=self._credential(scope),
            template=template,
        )
        with self._lock:
            try:
                exchange = self._client.send(call)
            except (UnsafeRequestError, BudgetExhaustedError) as error:
                self.refused.append((operation.id, error.what))
                return _refusal(HTTPStatus.FORBIDDEN, error.what)
            self.exchanges.append(exchange)
        if exchange.status is None:
            return _refusal(HTTPStatus.BAD_GATEWAY, f"no answer: {exchange.failure}")
        shown = ((name, exchange.header(name)) for name in PASSED_ON)
        return exchange.status, [(name.encode(), value.encode()) for name, value in shown if value], exchange.body

    def _credential(self, scope: Any) -> Credential:
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if sent is None:
            return "none"
        return "key" if hmac.compare_digest(sent, f"Bearer {self.token}".encode()) else "wrong"


@contextmanager
def relayed(client: Client, contract: Contract) -> Iterator[Relay]:
    """A relay to the client's target, running as long as the context; its `url` is the base URL for the program."""
    relay = Relay(client, contract)
    with served(relay, name="relay") as port:
        relay.url = f"http://{HOST}:{port}{BASE}"
        yield relay


def _refusal(status: HTTPStatus, message: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    envelope = {"error": {"type": "relay", "message": message, "code": None, "param": None}}
    return status, [(b"content-type", b"application/json")], json.dumps(envelope).encode()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
