"""Faults of a running simulator: from the start, switched by requests, and over a real connection."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import httpx
import pytest

from tests.local_http import NO_TLS
from whopwatch.contract import load
from whopwatch.core.errors import UsageError
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import responses


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with embedded(load(), faults=["sunset@plans.list"], control=True) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _peaceful(running: Simulator) -> Iterator[None]:
    yield
    running.faults.switch([])


def ask(simulator: Simulator, path: str) -> httpx.Response:
    query = {"company_id": simulator.company_id}
    headers = {"authorization": f"Bearer {simulator.api_key}"}
    return httpx.get(f"{simulator.base_url}{path}", params=query, headers=headers, timeout=30, verify=NO_TLS)


def test_faults_are_active_from_the_start_at_their_operation_only(running: Simulator) -> None:
    running.faults.switch(["sunset@plans.list"])
    assert "sunset" in ask(running, "/plans").headers
    assert "sunset" not in ask(running, "/products").headers


def test_requests_replace_the_active_faults(running: Simulator) -> None:
    url = running.control_url
    assert httpx.put(url, json={"faults": ["gone-410@plans"]}).json() == {"faults": ["gone-410@plans"]}
    assert ask(running, "/plans").status_code == 410
    assert httpx.get(url).json() == {"faults": ["gone-410@plans"]}
    assert httpx.put(url, json={"faults": []}).json() == {"faults": []}
    assert ask(running, "/plans").status_code == 200


@pytest.mark.parametrize(
    ("method", "body", "media_type", "status"),
    [
        ("PUT", '{"faults": ["gone-411"]}', "application/json", 400),
        ("PUT", '{"faults": "gone-410"}', "application/json", 400),
        ("PUT", "gone-410", "application/json", 400),
        ("PUT", '{"faults": ["gone-410"]}', "text/plain", 415),
        ("POST", '{"faults": ["gone-410"]}', "application/json", 405),
    ],
)
def test_an_invalid_request_is_rejected_and_changes_nothing(
    running: Simulator, method: str, body: str, media_type: str, status: int
) -> None:
    running.faults.switch(["sunset@plans.list"])
    answer = httpx.request(
        method, running.control_url, content=body, headers={"content-type": media_type}, verify=NO_TLS
    )
    assert answer.status_code == status
    assert answer.json()["error"]
    assert running.faults.active == ("sunset@plans.list",)


def test_without_control_there_is_no_endpoint() -> None:
    with embedded(load()) as simulator:
        assert httpx.get(simulator.control_url).status_code == 404


def test_an_unknown_name_is_an_error_with_a_hint(running: Simulator) -> None:
    for name, hint in {
        "field-null": "did you mean 'null-field'?",
        "delivery-null-field": "did you mean 'delivery-field-null'?",
        "nul-field": "did you mean 'null-field'?",
        "item-skiped": "did you mean 'item-skipped'?",
        "item-skipped@payment.list": "did you mean 'payments.list'?",
        "item-skipped@payments.retrieve": "try item-skipped@products.list",
        "item-skipped@files": "try item-skipped@products.list",
    }.items():
        with pytest.raises(UsageError) as caught:
            running.faults.switch([name])
        assert hint in str(caught.value)


def test_a_fault_without_an_operation_is_injected_everywhere(running: Simulator) -> None:
    planted = running.faults.switch(["item-skipped"])
    assert [fault.operation.id for fault in planted] == [operation.id for operation in load().lists]


def test_a_connection_is_cut(running: Simulator) -> None:
    running.faults.switch(["connection-closed-early@products.list"])
    with pytest.raises(httpx.RemoteProtocolError):
        ask(running, "/products")
    assert ask(running, "/plans").status_code == 200


def test_false_gzip_cannot_be_read(running: Simulator) -> None:
    running.faults.switch(["gzip-broken@products.list"])
    with pytest.raises(httpx.DecodingError):
        ask(running, "/products")


def test_a_slow_response_does_not_delay_others(running: Simulator) -> None:
    running.faults.switch(["stalled@products.list"])
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{running.base_url}/products", timeout=httpx.Timeout(30, read=0.2))
    # The stalled response takes a minute, the client of `ask` waits half as long.
    assert ask(running, "/plans").status_code == 200


def test_a_body_arrives_slowly(running: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(responses, "anyio", SimpleNamespace(sleep=sleep))
    running.faults.switch(["slow-body@fee_markups.list"])
    answer = ask(running, "/fee_markups")
    assert answer.status_code == 200
    assert sum(waits) > 1
    assert len(waits) > 5, "a pause after each of many pieces"
    assert answer.json()["data"]
