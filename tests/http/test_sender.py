"""The guarded sender, as other tools use it."""

from __future__ import annotations

import httpx
import pytest

from tests.http.support import BASE, KEY, Recorder, client, target
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.http import Client
from whopwatch.http.wire import HttpRequest

OK = httpx.Response(200, json={})


def send(sender: Client, url: str, method: str = "GET", headers: tuple[tuple[str, str], ...] = ()) -> int:
    """Send a request as a tool does; return its status."""
    request = HttpRequest(method, url, headers, None if method == "GET" else b"{}")
    return sender.sender.send(request, "key", sender.sender.timer()).status


def test_a_tool_is_guarded_paced_counted_and_given_the_key() -> None:
    wire = Recorder(OK)
    sender, time, _ = client(wire, target=target(rate=1.0), budget=2)
    send(sender, f"{BASE}/products")
    send(sender, f"{BASE}/plans")
    assert wire.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert sender.sent == 2
    assert time.slept == [pytest.approx(1.0)]
    with pytest.raises(BudgetExhaustedError):
        send(sender, f"{BASE}/products")
    for method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "get\r\n"):
        with pytest.raises(UnsafeRequestError):
            send(sender, f"{BASE}/products", method)
    assert len(wire.requests) == 2


def test_a_get_with_a_body_is_refused() -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="body"):
        sender.sender.send(HttpRequest("GET", f"{BASE}/products", (), b"x"), "key", sender.sender.timer())


@pytest.mark.parametrize(
    "url", ["https://evil.example/api/v1/products", "http://api.example.com/api/v1/products", "/", f"{BASE}/unknown"]
)
def test_a_tool_that_follows_redirects_stays_inside(url: str) -> None:
    wire = Recorder(OK)
    sender, *_ = client(wire)
    with pytest.raises(UnsafeRequestError):
        send(sender, url)
    assert wire.requests == []


@pytest.mark.parametrize("name", ["X-A\r\nX-B", "X A", "", "X-\u00e9"])
def test_a_header_name_cannot_break_out(name: str) -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="header"):
        send(sender, f"{BASE}/products", headers=((name, "1"),))


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\0", "a\x7f", "\u20ac"])
def test_a_header_value_cannot_break_out(value: str) -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="header"):
        send(sender, f"{BASE}/products", headers=(("X-A", value),))


@pytest.mark.parametrize("second", ["X-A", "x-a"])
def test_a_header_cannot_hide_behind_another_of_its_name(second: str) -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="header"):
        send(sender, f"{BASE}/products", headers=(("X-A", "a\r\nX-B: c"), (second, "1")))
    with pytest.raises(UnsafeRequestError, match="repeated"):
        send(sender, f"{BASE}/products", headers=(("X-A", "1"), (second, "1")))


def test_a_key_in_the_url_is_refused() -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="key") as refused:
        send(sender, f"{BASE}/products?first={KEY}")
    assert KEY not in str(refused.value)


def test_a_tool_may_bring_its_own_authorization() -> None:
    wire = Recorder(OK)
    sender, *_ = client(wire)
    send(sender, f"{BASE}/products", headers=(("Authorization", "Bearer other"),))
    assert wire.requests[0].headers["authorization"] == "Bearer other"
