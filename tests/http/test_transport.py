"""The door, seen from other tools that send through it."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest

from tests.http.support import BASE, KEY, Recorder, client, target
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError


def test_a_tool_that_sends_by_httpx_is_guarded_paced_counted_and_given_the_key() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, time, _ = client(wire, target=target(rate=1.0), budget=2)
    with httpx.Client(transport=sender.transport) as tool:
        tool.get(f"{BASE}/products")
        tool.get(f"{BASE}/plans")
        assert wire.requests[1].headers["authorization"] == f"Bearer {KEY}"
        assert sender.sent == 2
        assert time.slept == [pytest.approx(1.0)]
        with pytest.raises(BudgetExhaustedError):
            tool.get(f"{BASE}/products")
        for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get\r\n"):
            with pytest.raises(UnsafeRequestError):
                tool.request(method, f"{BASE}/products")
        with pytest.raises(UnsafeRequestError):
            tool.request("GET", f"{BASE}/products", content=iter([b"x"]))
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    "location", ["https://evil.example/api/v1/products", "http://api.example.com/api/v1/products", "/", "/api/v1/x"]
)
def test_a_tool_that_follows_redirects_stays_inside(location: str) -> None:
    wire = Recorder(httpx.Response(307, headers={"Location": location}))
    sender, *_ = client(wire)
    tool = httpx.Client(transport=sender.transport, follow_redirects=True)
    with tool, pytest.raises(UnsafeRequestError):
        tool.get(f"{BASE}/products")
    assert len(wire.requests) == 1


def test_a_redirect_loop_a_tool_follows_spends_its_budget() -> None:
    wire = Recorder(httpx.Response(302, headers={"Location": f"{BASE}/products"}))
    sender, *_ = client(wire, budget=5)
    tool = httpx.Client(transport=sender.transport, follow_redirects=True)
    with tool, pytest.raises(BudgetExhaustedError):
        tool.get(f"{BASE}/products")
    assert len(wire.requests) == 5


@pytest.mark.parametrize("extension", ["target", "sni_hostname", "trace"])
def test_an_extension_cannot_change_where_a_request_goes(extension: str) -> None:
    sender, *_ = client()
    request = httpx.Request("GET", f"{BASE}/products", extensions={extension: b"/admin"})
    with pytest.raises(UnsafeRequestError, match="extension"):
        sender.transport.handle_request(request)


def test_a_key_in_the_url_is_refused() -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="key") as refused:
        sender.transport.handle_request(httpx.Request("GET", f"{BASE}/products?first={KEY}"))
    assert KEY not in str(refused.value)


def test_a_tool_may_bring_its_own_authorization() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire)
    sender.transport.handle_request(httpx.Request("GET", f"{BASE}/products", headers={"Authorization": "Bearer other"}))
    assert wire.requests[0].headers["authorization"] == "Bearer other"


@pytest.mark.parametrize("outcome", [httpx.Response(200), httpx.ReadError("x"), RuntimeError("x")])
def test_the_key_does_not_stay_on_the_request(outcome: httpx.Response | Exception) -> None:
    sender, *_ = client(Recorder(outcome))
    request = httpx.Request("GET", f"{BASE}/products")
    with suppress(httpx.ReadError, RuntimeError):
        sender.transport.handle_request(request)
    assert "authorization" not in request.headers
