"""Calls in, exchanges out."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.http.support import BASE, KEY, Recorder, call, client, target
from whopwatch import __version__
from whopwatch.config import Secret
from whopwatch.core.errors import BudgetExhaustedError, ResponsesTooLargeError, UnsafeRequestError, UsageError
from whopwatch.core.exchange import Credential, Failure, Purpose
from whopwatch.http.sender import WRONG_KEY


def test_an_exchange_has_the_request_and_the_response() -> None:
    wire = Recorder(httpx.Response(200, json={"data": []}, headers={"X-Request-Id": "r1"}))
    sender, time, seen = client(wire)
    query = (("company_id", "biz_1"), ("first", "2"))
    exchange = sender.send(call("products.list", query=query))
    assert seen == [exchange]
    assert (exchange.operation, exchange.purpose, exchange.method) == ("products.list", Purpose.LIST, "GET")
    assert exchange.url == f"{BASE}/products?company_id=biz_1&first=2"
    assert (exchange.query, exchange.credential, exchange.attempt) == (query, "key", 1)
    assert (exchange.status, exchange.failure) == (200, None)
    assert exchange.json == {"data": []}
    assert exchange.header("X-Request-ID") == "r1"
    assert exchange.media_type == "application/json"
    assert exchange.started_at == time.now


def test_a_request_says_who_asks_and_for_what() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, target=target(api_version_date="2025-01-01"))
    sender.send(call("products.list", headers=(("X-Extra", "1"),)))
    sent = wire.requests[0]
    assert sent.headers["user-agent"] == f"whopwatch/{__version__}"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "gzip"
    assert sent.headers["api-version-date"] == "2025-01-01"
    assert sent.headers["x-extra"] == "1"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert "cookie" not in sent.headers


def test_a_header_of_a_call_takes_the_place_of_the_clients_own() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, target=target(api_version_date="2025-01-01"))
    sender.send(call(headers=(("api-version-date", "2024-01-01"),)))
    assert wire.requests[0].headers.get_list("api-version-date") == ["2024-01-01"]


@pytest.mark.parametrize(
    ("credential", "header"),
    [("key", f"Bearer {KEY}"), ("none", None), ("wrong", f"Bearer {WRONG_KEY}"), ("unscoped", "Bearer poor")],
)
def test_each_credential_sends_its_key(credential: Credential, header: str | None) -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, unscoped_key=Secret("poor"))
    assert sender.send(call(credential=credential)).credential == credential
    assert wire.requests[0].headers.get("authorization") == header


def test_a_key_without_scope_that_is_not_configured_is_a_mistake_of_the_caller() -> None:
    sender, *_ = client()
    with pytest.raises(UsageError, match="without scope"):
        sender.send(call(credential="unscoped"))
    assert sender.sent == 0


def test_a_target_without_a_key_is_asked_without_one() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, target=target(api_key=None))
    sender.send(call())
    assert "authorization" not in wire.requests[0].headers


def test_a_write_to_a_read_only_target_never_leaves() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire)
    with pytest.raises(UnsafeRequestError, match="read-only"):
        sender.send(call("products.create", body={"title": "x"}))
    with pytest.raises(UnsafeRequestError):
        sender.send(call("products.retrieve", id="../plans"))
    assert (wire.requests, sender.sent, sender.unsafe) == ([], 0, 0)


def test_a_writable_target_gets_its_writes_counted() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, target=target(writable=True))
    sender.send(call("products.create", body={"title": "é"}))
    sender.send(call("products.list"))
    assert json.loads(wire.requests[0].content) == {"title": "é"}
    assert wire.requests[0].headers["content-type"] == "application/json"
    assert (sender.sent, sender.unsafe) == (2, 1)
    assert sender.sent_by_operation == {"products.create": 1, "products.list": 1}


def test_the_budget_ends_the_sending() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, budget=2)
    sender.send(call())
    assert sender.remaining == 1
    sender.send(call())
    with pytest.raises(BudgetExhaustedError, match="2 requests"):
        sender.send(call())
    assert (len(wire.requests), sender.sent, sender.remaining) == (2, 2, 0)


def test_responses_are_bounded_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whopwatch.http.limits.MIN_RESPONSE_WEIGHT", 0)
    monkeypatch.setattr("whopwatch.http.limits.WEIGHT_PER_REQUEST", 1000)
    wire = Recorder(httpx.Response(200, json=["x" * 900]))
    sender, *_ = client(wire, budget=3)
    assert [sender.send(call()).ok for _ in range(3)] == [True, True, True]
    few, *_ = client(Recorder(httpx.Response(200, json=[0] * 100)), budget=5)
    assert few.send(call()).ok
    with pytest.raises(ResponsesTooLargeError, match="memory limit"):
        few.send(call())
    assert few.sent == 1


def test_threads_share_one_budget() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire, budget=50)

    def send(_: int) -> bool:
        try:
            return sender.send(call()).ok
        except BudgetExhaustedError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(80))) == 50
    assert len(wire.requests) == sender.sent == sender.sent_by_operation["products.list"] == 50


def test_a_redirect_is_an_exchange_and_is_not_followed() -> None:
    wire = Recorder(httpx.Response(302, headers={"Location": "https://evil.example/"}))
    sender, *_ = client(wire)
    assert sender.send(call()).status == 302
    assert len(wire.requests) == 1


def test_cookies_are_not_kept() -> None:
    wire = Recorder(httpx.Response(200, json={}, headers={"Set-Cookie": "a=b"}))
    sender, *_ = client(wire)
    sender.send(call())
    sender.send(call())
    assert "cookie" not in wire.requests[1].headers


def test_a_failure_keeps_what_was_asked() -> None:
    sender, *_ = client(Recorder(httpx.ConnectError("no")))
    exchange = sender.send(call("products.retrieve", id="prod_1"))
    assert (exchange.failure, exchange.status, exchange.body) == (Failure.CONNECT, None, b"")
    assert exchange.path_params == {"id": "prod_1"}


@pytest.mark.parametrize("length", [70_000, 1_000_000])
def test_an_id_too_long_for_a_url_is_refused_not_a_crash(length: int) -> None:
    sender, *_ = client()
    with pytest.raises(UnsafeRequestError, match="longer than"):
        sender.send(call("products.retrieve", id="x" * length))


def test_version_2_is_asked_below_its_own_base() -> None:
    wire = Recorder(httpx.Response(200, json={}))
    sender, *_ = client(wire)
    sender.send(call("v2.plans.retrieve", id="plan_1"))
    assert str(wire.requests[0].url) == "https://api.example.com/api/v2/plans/plan_1"


def test_after_an_interrupt_the_rest_of_the_calls_have_it_as_their_error() -> None:
    interrupt = KeyboardInterrupt()

    def handle(request: httpx.Request) -> httpx.Response:
        if "prod_2" in str(request.url):
            raise interrupt
        return httpx.Response(200, json={})

    sender, *_ = client(MockTransport(handle))
    calls = [call("products.retrieve", id=f"prod_{number}") for number in (1, 2, 3)]
    made = sender.send_all(calls)
    assert [len(each.exchanges) for each in made] == [1, 0, 0]
    assert [each.error for each in made] == [None, interrupt, interrupt]
