"""Whatever is sent by `requests`, Schemathesis's own engine included, passes the guard."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.http.mock import MockTransport
from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.generate.adapter import KEY_PLACEHOLDER, RefusedError, guarded_requests
from whopwatch.generate.links import FIRST_ITEM, with_links
from whopwatch.http import Client, Limits
from whopwatch.simulator import Simulator, embedded

pytestmark = pytest.mark.thorough

PHASES = ("examples", "coverage", "fuzzing", "stateful")
PATHS = ("/webhooks", "/webhooks/{id}")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with embedded(items=3) as simulator:
        yield simulator


def _read_only(simulator: Simulator) -> Target:
    return replace(simulator.target(), writable=False)


def _client(simulator: Simulator, contract: Contract, budget: int = 10_000) -> Client:
    return Client(_read_only(simulator), contract, budget=budget, limits=Limits(rate=None))


def _dangerous(contract: Contract, simulator: Simulator) -> dict[str, Any]:
    """A document that invites every phase to write: examples of bodies, and links from a list to its deletion."""
    document = with_links(contract, {"company_id": simulator.company_id})
    document["paths"] = {path: copy.deepcopy(document["paths"][path]) for path in PATHS}
    document["servers"] = [{"url": simulator.base_url}]
    collection, item = (document["paths"][path] for path in PATHS)
    collection["get"]["parameters"][0]["example"] = simulator.company_id
    collection["post"]["requestBody"]["content"]["application/json"]["example"] = {"url": "https://example.com/hook"}
    item["patch"]["requestBody"]["content"]["application/json"]["example"] = {"enabled": False}
    for method in ("get", "patch", "delete"):
        item[method]["parameters"][0]["example"] = "hook_none"
    collection["get"]["responses"]["200"]["links"] = {
        f"webhooks.{name}": {"operationId": f"webhooks.{name}", "parameters": {"path.id": FIRST_ITEM}}
        for name in ("retrieve", "update", "delete")
    }
    return document


def _run_engine(document: dict[str, Any], simulator: Simulator, authorization: str, phase: str) -> None:
    """One phase of Schemathesis as it comes, nothing tamed."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "base-url": simulator.base_url,
            "headers": {"Authorization": authorization},
            "generation": {"max-examples": 5, "database": "none", "no-shrink": True},
            "cache": {"enabled": False},
            "parameters": {"company_id": simulator.company_id},
            "phases": {name: {"enabled": name == phase} for name in PHASES},
        }
    )
    finished = [
        event.phase.name.value
        for event in from_schema(schemathesis.openapi.from_dict(document, config=config)).execute()
        if isinstance(event, events.PhaseFinished) and event.phase.is_enabled
    ]
    assert phase in finished


@pytest.mark.parametrize("phase", PHASES)
def test_no_phase_of_schemathesis_can_write_to_a_read_only_target(
    simulator: Simulator, contract: Contract, phase: str
) -> None:
    document = _dangerous(contract, simulator)
    if phase == "stateful":
        # A sequence ends with its first refusal; so that it has got an id to delete by then, it begins with the list.
        del document["paths"][PATHS[0]]["post"]
    with _client(simulator, contract) as client, guarded_requests(client) as adapter:
        _run_engine(document, simulator, KEY_PLACEHOLDER, phase)
    assert set(simulator.requests) == {"GET"}
    assert adapter.refused > 0
    assert client.sent == simulator.requests.total()
    assert client.unsafe == 0


@pytest.mark.parametrize("phase", PHASES)
def test_without_the_guard_every_phase_does_write(simulator: Simulator, contract: Contract, phase: str) -> None:
    _run_engine(_dangerous(contract, simulator), simulator, f"Bearer {simulator.api_key}", phase)
    assert {"PATCH", "DELETE"} <= set(simulator.requests)


def test_the_budget_holds_for_the_engine_too(simulator: Simulator, contract: Contract) -> None:
    with _client(simulator, contract, budget=7) as client, guarded_requests(client):
        _run_engine(_dangerous(contract, simulator), simulator, KEY_PLACEHOLDER, "coverage")
    assert simulator.requests.total() == 7


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD", "QUERY"])
def test_no_other_method_leaves_from_any_session(simulator: Simulator, contract: Contract, method: str) -> None:
    mine = requests.Session()
    mine.mount("http://", requests.adapters.HTTPAdapter())
    with _client(simulator, contract) as client, guarded_requests(client) as adapter:
        prepared = mine.prepare_request(requests.Request("GET", f"{simulator.base_url}/products/prod_1"))
        prepared.method = method
        with pytest.raises(RefusedError, match="read-only"):
            mine.send(prepared)
    assert adapter.refused == 1
    assert not simulator.requests


def test_the_key_is_the_client_s_business(simulator: Simulator, contract: Contract) -> None:
    url = f"{simulator.base_url}/products"
    company = {"company_id": simulator.company_id}
    with _client(simulator, contract) as client, guarded_requests(client):
        answers = [
            requests.get(url, company, headers=headers, timeout=60)
            for headers in ({"Authorization": KEY_PLACEHOLDER}, {}, {"Authorization": "Bearer nonsense "})
        ]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert simulator.api_key not in repr([answer.request.headers for answer in answers])
    assert answers[0].json()["data"]


def test_a_redirect_to_elsewhere_is_not_followed(contract: Contract, simulator: Simulator) -> None:
    def elsewhere(request: httpx.Request) -> httpx.Response:
        assert request.url.host == "127.0.0.1"
        return httpx.Response(302, headers={"location": "http://example.com/api/v1/products/prod_1"})

    target = _read_only(simulator)
    with Client(target, contract, budget=5, transport=MockTransport(elsewhere)) as client:
        with guarded_requests(client), pytest.raises(RefusedError, match="does not start with the base URL"):
            requests.get(f"{target.base_url}/products/prod_1", timeout=60)
        assert client.sent == 1


def test_network_failures_become_the_exceptions_of_requests(contract: Contract, simulator: Simulator) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("") if request.url.path.endswith("/prod_slow") else httpx.ReadError("")

    target = _read_only(simulator)
    with Client(target, contract, budget=5, transport=MockTransport(broken)) as client, guarded_requests(client):
        with pytest.raises(requests.Timeout):
            requests.get(f"{target.base_url}/products/prod_slow", timeout=60)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{target.base_url}/products/prod_1", timeout=60)


def test_afterwards_requests_is_as_it_was(simulator: Simulator, contract: Contract) -> None:
    original = requests.Session.get_adapter
    with _client(simulator, contract) as client, guarded_requests(client):
        assert requests.Session.get_adapter is not original
    assert requests.Session.get_adapter is original
