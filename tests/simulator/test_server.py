"""The simulator as a server: over a real socket, lenient for other people's tests, and open to wrapped steps."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import Contract, load
from whopwatch.core.errors import UsageError
from whopwatch.simulator import ApiCall, Backend, Simulator, SimulatorOptions, StepWrapper, embedded
from whopwatch.simulator.api.pipeline import Pipeline
from whopwatch.simulator.app import BODY_LIMITS

OPERATIONS = sorted(load().operations)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with embedded(seed=3) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def http(running: Simulator) -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {running.api_key}"}) as client:
        yield client


def test_it_answers_over_http_with_its_own_server_header(running: Simulator, http: httpx.Client) -> None:
    answer = http.get(f"{running.base_url}/products", params={"company_id": running.company_id})

    assert answer.status_code == 200
    assert answer.headers.get_list("server") == ["whopwatch-simulator (not Whop)"]
    assert answer.headers["content-type"].startswith("application/json")


def test_it_counts_requests_by_method(running: Simulator, http: httpx.Client) -> None:
    before = running.requests.copy()
    http.get(f"{running.base_url}/users/x")
    http.delete(f"{running.base_url}/products/x")

    assert running.requests - before == {"GET": 1, "DELETE": 1}


def test_a_path_is_decoded_once(running: Simulator, http: httpx.Client) -> None:
    user = next(iter(running.backend.world.table("users")))
    assert http.get(f"{running.base_url}/users/{user.replace('_', '%5F')}").status_code == 200
    assert http.get(f"{running.base_url}/users/{user.replace('_', '%255F')}").status_code == 404


def test_its_target_has_its_own_urls_and_key(running: Simulator) -> None:
    target = running.target()

    assert target.base_url == running.base_url
    assert target.writable
    assert target.api_key is not None
    assert target.api_key.reveal() == running.api_key


def test_a_used_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot listen"), embedded(port=taken.getsockname()[1]):
            pass


def test_a_given_key_replaces_the_derived_one() -> None:
    with embedded(api_key="my key") as simulator:
        answer = httpx.get(
            f"{simulator.base_url}/products",
            params={"company_id": simulator.company_id},
            headers={"authorization": "Bearer my key"},
        )

    assert answer.status_code == 200


@pytest.fixture(scope="module")
def lenient(contract: Contract) -> Asker:
    return Asker(Backend(contract, SimulatorOptions(lenient=True)), contract)


@pytest.mark.parametrize("id", OPERATIONS)
def test_lenient_answers_any_key_and_any_id_with_a_valid_object(lenient: Asker, id: str) -> None:
    operation = lenient.contract.operation(id)
    path = operation.fill({parameter.name: "made_up" for parameter in operation.in_("path")})
    query = {p.name: "made_up" for p in operation.required_query}
    paging = {"first": "42", "last": "42", "after": "after", "before": "before"} if operation.is_list else {}
    body = next(bodies(lenient, operation))
    key = "My API Key with spaces"

    answer = lenient(operation.method, path, {**query, **paging}, body, api=operation.api, key=key)

    assert answer.status == 200
    assert lenient.contract.validator(operation.success.pointer, operation.api).is_valid(answer.json)


def test_lenient_repeats_the_same_object_for_the_requested_id(lenient: Asker) -> None:
    first, again = lenient("GET", "/payments/pay_x").json, lenient("GET", "/payments/pay_x").json

    assert first["id"] == "pay_x"
    assert first == again


def shout(call: ApiCall, proceed: object) -> None:
    assert callable(proceed)
    proceed()
    call.payload = {**call.payload, "loud": True}


@pytest.mark.parametrize(("operation", "loud"), [("plans.list", False), ("products.list", True), (None, True)])
def test_a_wrapper_changes_one_step_of_one_operation_or_of_all(
    contract: Contract, operation: str | None, loud: bool
) -> None:
    backend = Backend(contract, SimulatorOptions(wrappers=[StepWrapper("project", shout, operation)]))

    assert ("loud" in Asker(backend, contract).operation("products.list").json) is loud


def test_a_wrapper_of_an_unknown_step_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such step: projekt"):
        Pipeline([], [StepWrapper("projekt", shout)])


def test_a_large_body_is_rejected_before_it_is_read() -> None:
    with embedded(items=2, lenient=True) as simulator:
        answer = httpx.post(f"{simulator.base_url}/products", content=b" " * (BODY_LIMITS.body_bytes + 1))
        assert answer.status_code == 413
        assert simulator.requests["POST"] == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://example.com"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 200),
        ({}, 200),
    ],
)
def test_a_web_page_of_another_site_cannot_send_requests(headers: dict[str, str], status: int) -> None:
    with embedded(items=2, lenient=True) as simulator:
        assert httpx.get(f"{simulator.base_url}/products/prod_1", headers=headers).status_code == status


def test_the_log_has_a_line_for_each_request() -> None:
    lines: list[str] = []
    with embedded(items=2, log=lines.append) as simulator:
        httpx.get(f"{simulator.base_url}/products?company_id={simulator.company_id}")
        httpx.get(f"{simulator.base_url}/nothing")
    assert lines == ["GET /api/v1/products products.list 401", "GET /api/v1/nothing - 404"]
