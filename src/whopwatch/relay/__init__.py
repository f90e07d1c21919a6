"""A relay for foreign programs: a loopback server that they use as the API's base URL.

It forwards their requests through our client, or refuses them. So an SDK or an MCP server that runs as a separate
program is bound to the target's mode, budget and rate, and never has the key: it gets a token that is valid nowhere
else. Every request that it makes is recorded.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote

import anyio.to_thread

from whopwatch.config import SIMULATOR
from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.exchange import Credential, Exchange, Purpose
from whopwatch.core.local_server import HOST, served
from whopwatch.http import Call, Client
from whopwatch.relay.containment import Containment, containment, take_secrets

__all__ = ["Containment", "Relay", "containment", "match_template", "run_relay", "take_secrets"]


BASE_PATH = "/api/v1"
RELAYED_HEADERS = ("content-type", "retry-after", "x-request-id")
"""Response headers that the program receives, next to one that forbids retries: those are the client's."""
MAX_REQUEST_BODY = 1 << 20
_VERSION_VALUE = re.compile(r"[0-9A-Za-z_.-]{1,40}")


class Relay:
    """An ASGI application that forwards and records the requests of one program, one at a time.

    `token` is the key for the program. `exchanges` are the forwarded requests with their responses, `refused` the
    documented requests that were not forwarded (operation and reason), `unknown` the requests that match no operation.
    """

    def __init__(self, client: Client, contract: Contract) -> None:
        self.token = f"relay_{secrets.token_hex(16)}"
        self.exchanges: list[Exchange] = []
        self.refused: list[tuple[str, str]] = []
        self.unknown: list[tuple[str, str]] = []
        self.url, self.port = "", 0
        self._client = client
        self._contract = contract
        self._lock = Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one HTTP request."""
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_REQUEST_BODY or not message.get("more_body"):
                break
        status, headers, content = await anyio.to_thread.run_sync(self._forward, scope, body)
        fixed = [(b"x-should-retry", b"false"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *fixed]})
        await send({"type": "http.response.body", "body": content})

    def _forward(self, scope: Any, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        method, path = scope["method"], scope["raw_path"].decode("latin-1").partition("?")[0]
        below = path.removeprefix(BASE_PATH)
        operation = self._contract.match(method, below) if path.startswith(BASE_PATH) else None
        if operation is None:
            self.unknown.append((method, path))
            return _refusal(HTTPStatus.NOT_FOUND, "no documented operation has this method and path")
        template, path_params = match_template(operation, below)
        call = Call(
            operation=operation,
            purpose=Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
            path_params=path_params,
            query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            body=_json(body),
            credential=self._credential(scope),
            headers=self._version_header(scope),
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
            return _refusal(HTTPStatus.BAD_GATEWAY, f"no response: {exchange.failure}")
        headers = ((name, exchange.header(name)) for name in RELAYED_HEADERS)
        return exchange.status, [(name.encode(), value.encode()) for name, value in headers if value], exchange.body

    def _credential(self, scope: Any) -> Credential:
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if sent is None:
            return "none"
        return "key" if hmac.compare_digest(sent, f"Bearer {self.token}".encode()) else "wrong"

    def _version_header(self, scope: Any) -> tuple[tuple[str, str], ...]:
        """Return the API version that the program requests: an SDK is made for one version."""
        sent = next((value for name, value in scope["headers"] if name == VERSION_HEADER.lower().encode()), b"").decode(
            "latin-1"
        )
        # The simulator has the contract's version only, and would reject a release that was made for another one.
        is_possible = self._client.target.name != SIMULATOR or sent == self._contract.version
        return ((VERSION_HEADER, sent),) if _VERSION_VALUE.fullmatch(sent) and is_possible else ()


@contextmanager
def run_relay(client: Client, contract: Contract, path: Path | None = None) -> Iterator[Relay]:
    """Run a relay to the client's target while the context is open. Its `url` is the base URL for the program.

    It also listens at `path`, the socket for a contained program.
    """
    relay = Relay(client, contract)
    with served(relay, name="relay", path=path) as port:
        relay.port, relay.url = port, f"http://{HOST}:{port}{BASE_PATH}"
        yield relay


def match_template(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """Return the path template of `operation` that `path` (below the base URL) matches, and its decoded parameters.

    Raise ValueError if it matches none.
    """
    for template in (operation.path, *operation.alternate_paths):
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/?#]+)", re.escape(template))
        if match := re.fullmatch(pattern, path):
            return template, {name: unquote(value) for name, value in match.groupdict().items()}
    raise ValueError(f"the path matches no template of {operation.id}")


def _refusal(status: HTTPStatus, message: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    envelope = {"error": {"type": "relay", "message": message, "code": None, "param": None}}
    return status, [(b"content-type", b"application/json")], json.dumps(envelope).encode()


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
