"""What the client's tests share: a target with a key, calls, and a clock that never waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.http.mock import MockTransport
from whopwatch.config import Secret, Target
from whopwatch.contract import load
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call, Client, Limits, Transport, wire
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import Network, Origin

KEY = "sk_test_0123456789abcdefghij"
BASE = "https://api.example.com/api/v1"
CONTRACT = load()
UNPACED = Limits(rate=None)


def target(base_url: str = BASE, **settings: Any) -> Target:
    """A target whose v2 lies beside its v1, with the tests' key."""
    settings = {"api_key": Secret(KEY), "company_id": "biz_1", **settings}
    return Target(name="test", base_url=base_url, v2_base_url=f"{base_url[:-1]}2", **settings)


def call(operation: str = "products.list", *, query: tuple[tuple[str, str], ...] = (), **parts: Any) -> Call:
    """A call of `operation`; keyword arguments that are no part of a Call are its path parameters."""
    known = {name: parts.pop(name) for name in ("credential", "headers", "body", "template") if name in parts}
    return Call(CONTRACT.operation(operation), Purpose.LIST, path_params=parts, query=query, **known)


class Time:
    """A clock that only sleeping and `pass_` move on, and a record of what was slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Recorder(MockTransport):
    """Keeps each request, and returns the given responses in turn."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__(self._next)
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def _next(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class ScriptedSocket:
    """A connected socket that receives `parts` in turn, then the end of the stream."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def recv(self, _: int) -> bytes:
        return self._parts.pop(0) if self._parts else b""

    def settimeout(self, _: float) -> None:
        """Wait for nothing: the parts are there."""

    def shutdown(self, _: int) -> None:
        """Shut nothing down."""

    def close(self) -> None:
        """Close nothing."""


@contextmanager
def wire_that_answers(*parts: bytes, limits: Limits = UNPACED) -> Iterator[Network]:
    """A network whose every connection receives `parts`."""

    def connect(_: Origin, timer: AttemptTimer, __: Limits) -> ScriptedSocket:
        timer.connect = 0.0
        return ScriptedSocket(*parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Origin, "_open", connect)
        patch.setattr(Origin, "_take_idle", lambda _: None)
        patch.setattr(wire, "_tls_context", lambda: None)
        yield Network([BASE], limits)


def client(transport: Transport | None = None, **settings: Any) -> tuple[Client, Time, list[Exchange]]:
    """A client over `transport`, by default one that answers `{}`, its clock and the list of its attempts."""
    time, seen = Time(), list[Exchange]()
    settings = {"budget": 1000, "target": target(), **settings}
    made = Client(
        settings.pop("target"),
        CONTRACT,
        transport=transport or Recorder(httpx.Response(200, json={})),
        clock=time,
        sleep=time.sleep,
        wall=time,
        on_exchange=seen.append,
        **settings,
    )
    return made, time, seen
