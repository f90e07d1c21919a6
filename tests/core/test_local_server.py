"""A server in a thread: it starts, or says why not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from whopwatch.core.errors import UsageError
from whopwatch.core.local_server import served


async def responds(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def fails_at_start(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no"})


def test_a_started_server_responds() -> None:
    with served(responds, name="server") as port:
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 204


def test_servers_without_a_port_get_free_ones() -> None:
    with served(responds, name="one") as one, served(responds, name="two") as two:
        assert len({one, two}) == 2
        assert [httpx.get(f"http://127.0.0.1:{port}/").status_code for port in (one, two)] == [204, 204]


def test_a_server_that_does_not_start_is_an_error_and_no_wait() -> None:
    with (
        pytest.raises(UsageError, match="The relay did not start"),
        served(fails_at_start, name="relay", lifespan=True),
    ):
        pytest.fail("the server has not started")


def test_an_error_of_the_thread_is_named_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise MemoryError("a value")

    monkeypatch.setattr("uvicorn.Server.run", run)
    with pytest.raises(UsageError) as raised, served(responds, name="simulator"):
        pytest.fail("the server has not started")
    assert "MemoryError" in str(raised.value)
    assert "a value" not in str(raised.value)
