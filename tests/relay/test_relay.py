"""The relay: the program reads within mode and budget, never has the key, and is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from whop_sdk import NotFoundError, PermissionDeniedError, Whop

from tests.http.mock import MockTransport
from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.http import Client
from whopwatch.relay import Relay, match_template, run_relay
from whopwatch.simulator import Simulator, embedded


@pytest.fixture(scope="module")
def simulator(contract: Contract) -> Iterator[Simulator]:
    with embedded(contract) as running:
        yield running


@contextmanager
def behind(simulator: Simulator, contract: Contract, budget: int = 20) -> Iterator[tuple[Relay, Whop]]:
    target = replace(simulator.target(), writable=False)
    with (
        Client(target, contract, budget=budget) as client,
        run_relay(client, contract) as relay,
        Whop(api_key=relay.token, base_url=relay.url) as sdk,
    ):
        yield relay, sdk


def test_a_read_is_forwarded_and_recorded(simulator: Simulator, contract: Contract) -> None:
    with behind(simulator, contract) as (relay, sdk):
        page = sdk.products.list(company_id=simulator.company_id, first=2)
        product = sdk.products.retrieve(page.data[0].id)
    assert product.id == page.data[0].id
    assert [(one.operation, one.status) for one in relay.exchanges] == [
        ("products.list", 200),
        ("products.retrieve", 200),
    ]
    assert relay.exchanges[0].query == (("company_id", simulator.company_id), ("first", "2"))
    assert relay.exchanges[1].path_params == {"id": product.id}


def test_an_error_response_is_forwarded_once(simulator: Simulator, contract: Contract) -> None:
    with behind(simulator, contract) as (relay, sdk), pytest.raises(NotFoundError):
        sdk.products.retrieve("prod_unknown")
    assert [one.status for one in relay.exchanges] == [404]


def test_a_write_is_not_forwarded(simulator: Simulator, contract: Contract) -> None:
    with behind(simulator, contract) as (relay, sdk):
        with pytest.raises(PermissionDeniedError):
            sdk.products.delete("prod_1")
        assert [id for id, _ in relay.refused] == ["products.delete"]
    assert set(simulator.requests) <= {"GET"}


def test_the_budget_applies(simulator: Simulator, contract: Contract) -> None:
    with behind(simulator, contract, budget=1) as (relay, sdk):
        sdk.products.list(company_id=simulator.company_id)
        with pytest.raises(PermissionDeniedError):
            sdk.products.list(company_id=simulator.company_id)
    assert len(relay.exchanges) == len(relay.refused) == 1


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/elsewhere", "/api/v1/products/../../x", "/api/v1//products"])
def test_an_undocumented_request_is_not_forwarded(simulator: Simulator, contract: Contract, path: str) -> None:
    before = simulator.requests.total()
    with behind(simulator, contract) as (relay, _):
        response = httpx.get(relay.url.removesuffix("/api/v1") + path)
        assert response.status_code == 404
        assert response.json()["error"]["type"] == "relay"
        assert len(relay.unknown) == 1
    assert simulator.requests.total() == before


@pytest.mark.parametrize(("headers", "credential"), [({}, "none"), ({"Authorization": "Bearer other"}, "wrong")])
def test_another_key_is_distinguished_from_the_token(
    simulator: Simulator, contract: Contract, headers: dict[str, str], credential: str
) -> None:
    with behind(simulator, contract) as (relay, _):
        httpx.get(f"{relay.url}/plans?company_id={simulator.company_id}", headers=headers)
    assert [one.credential for one in relay.exchanges] == [credential]


def test_the_program_never_gets_the_key(simulator: Simulator, contract: Contract) -> None:
    with behind(simulator, contract) as (relay, sdk):
        response = sdk.products.with_raw_response.list(company_id=simulator.company_id)
    assert response.status_code == 200
    assert simulator.api_key not in json.dumps([*response.headers.items(), response.text(), relay.token])


def test_a_path_of_another_operation_matches_no_template(contract: Contract) -> None:
    operation = contract.operation("users.check_access")
    assert match_template(operation, "/users/user_1/access/prod%20x")[1] == {"id": "user_1", "resource_id": "prod x"}
    with pytest.raises(ValueError, match="matches no template"):
        match_template(operation, "/users/user_1")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"Api-Version-Date": "2026-10-15-1"}, "2026-10-15-1"),
        ({}, "2025-01-01"),
        ({"Api-Version-Date": "not a version"}, "2025-01-01"),
        ({"Api-Version-Date": "9" * 1000}, "2025-01-01"),
    ],
)
def test_the_programs_api_version_is_forwarded(contract: Contract, sent: dict[str, str], expected: str) -> None:
    versions: list[str | None] = []

    def respond(request: httpx.Request) -> httpx.Response:
        versions.append(request.headers.get("api-version-date"))
        return httpx.Response(200, json={"data": []})

    base = "http://127.0.0.1:9/api/v1"
    target = Target("t", base, base, api_version_date="2025-01-01")
    with (
        Client(target, contract, budget=1, transport=MockTransport(respond)) as client,
        run_relay(client, contract) as relay,
    ):
        httpx.get(f"{relay.url}/products?company_id=biz_1", headers={"Authorization": f"Bearer {relay.token}", **sent})
    assert versions == [expected]
