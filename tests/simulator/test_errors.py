"""Bad requests get the documented error, and nothing gets a 5xx."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.asker import Answer, Asker
from whopwatch.contract import Contract, load
from whopwatch.simulator import Backend, SimulatorOptions

OPERATIONS = sorted(load().operations)
READS = [operation.id for operation in load().reads]
quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def assert_documented(ask: Asker, answer: Answer, status: int, type: str) -> None:
    assert answer.status == status
    assert answer.error["type"] == type
    assert ask.contract.validator("/components/schemas/Error").is_valid(answer.json)


@pytest.mark.parametrize("key", ["", "an unknown key"])
@pytest.mark.parametrize("id", READS)
def test_a_read_needs_a_key_unless_it_is_public(ask: Asker, id: str, key: str) -> None:
    operation = ask.contract.operation(id)
    answer = ask("GET", ask.path(operation), ask.required(operation), api=operation.api, key=key)

    if operation.is_public:
        assert answer.status == 200
    elif operation.api == "v2":
        assert (answer.status, answer.error["status"]) == (401, 401)
    else:
        assert_documented(ask, answer, 401, "unauthorized")


@pytest.mark.parametrize("id", [id for id in OPERATIONS if load().operation(id).scopes])
def test_a_key_without_scopes_is_forbidden(ask: Asker, id: str) -> None:
    operation = ask.contract.operation(id)
    if operation.is_public:
        pytest.skip("public")
    answer = ask(operation.method, ask.path(operation), key=ask.backend.unscoped_key, api=operation.api)

    assert_documented(ask, answer, 403, "forbidden")


def test_an_app_key_reads_what_the_company_key_reads(ask: Asker) -> None:
    sent = {"company_id": ask.backend.world.account.id}

    assert ask("GET", "/products", sent, key=ask.backend.app_key).json == ask("GET", "/products", sent).json


@pytest.mark.parametrize(
    ("path", "sent", "said"),
    [
        ("/products", {"company_id": "biz_unknown"}, "There is no such company."),
        ("/products/prod_nothing", {}, "There is no such product."),
    ],
)
def test_a_missing_object_is_named_in_the_singular(ask: Asker, path: str, sent: dict[str, str], said: str) -> None:
    assert ask("GET", path, sent).error["message"] == said


@pytest.mark.parametrize("id", [id for id in OPERATIONS if "{" in load().operation(id).path])
def test_an_unknown_id_is_not_found(ask: Asker, id: str) -> None:
    operation = ask.contract.operation(id)
    path = operation.fill({p.name: "nothing_has_this_id" for p in operation.in_("path")})
    body: dict[str, Any] | None = {} if operation.body is not None and not operation.body_required else None
    answer = ask(operation.method, path, api=operation.api, body=body)

    if operation.body_required:
        assert answer.status in (400, 404)
    elif operation.api == "v1":
        assert_documented(ask, answer, 404, "not_found")
    else:
        assert answer.error == {"status": 404, "message": answer.error["message"]}


@pytest.mark.parametrize(
    ("id", "name"), [(o.id, p.name) for o in load().lists for p in o.required_query], ids=lambda value: str(value)
)
def test_a_missing_required_parameter_is_named(ask: Asker, id: str, name: str) -> None:
    operation = ask.contract.operation(id)
    answer = ask("GET", ask.path(operation), {k: v for k, v in ask.required(operation).items() if k != name})

    assert_documented(ask, answer, 400, "invalid_request_error")
    assert (answer.error["code"], answer.error["param"]) == ("parameter_missing", name)


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"order": "sideways"}, "order"),
        ({"direction": "up"}, "direction"),
        ({"statuses[]": "sold"}, "statuses[]"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"include_free": "maybe"}, "include_free"),
        ({"first": "1.5"}, "first"),
    ],
)
def test_a_malformed_parameter_is_named(ask: Asker, sent: dict[str, str], param: str) -> None:
    answer = ask.operation("payments.list", sent)

    assert_documented(ask, answer, 400, "invalid_request_error")
    assert (answer.error["code"], answer.error["param"]) == ("parameter_invalid", param)


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "parameter_invalid", None),
        (b"[1]", "parameter_invalid", None),
        (b"", "parameter_missing", "company_id"),
        (b'{"company_id": "x"}', "parameter_missing", "title"),
        (b'{"company_id": "x", "title": 3}', "parameter_invalid", "title"),
        (b'{"company_id": "x", "title": "t", "visibility": "loud"}', "parameter_invalid", "visibility"),
    ],
)
def test_a_body_that_breaks_its_schema_is_rejected(ask: Asker, body: bytes, code: str, param: str | None) -> None:
    answer = ask("POST", "/products", body=body)

    assert_documented(ask, answer, 400, "invalid_request_error")
    assert (answer.error["code"], answer.error["param"]) == (code, param)


def test_a_body_with_an_unknown_id_is_rejected(ask: Asker) -> None:
    answer = ask("POST", "/products", body={"company_id": "biz_of_nobody", "title": "t"})

    assert_documented(ask, answer, 404, "not_found")


def test_a_large_withdrawal_needs_a_verification_first(fresh: Asker) -> None:
    body = {"company_id": fresh.backend.world.account.id, "currency": "usd"}

    assert fresh("POST", "/withdrawals", body={**body, "amount": 10_000}).status == 200
    answer = fresh("POST", "/withdrawals", body={**body, "amount": 10_001})
    assert_documented(fresh, answer, 422, "verification_required")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/products"), ("POST", "/products/x/y/z")])
def test_an_undocumented_path_or_method_is_not_found(ask: Asker, method: str, path: str) -> None:
    assert_documented(ask, ask(method, path), 404, "not_found")


@pytest.mark.parametrize(("version", "status"), [("2025-01-01", 200), ("2025-13-01", 400), ("latest", 400)])
def test_the_version_header_is_a_date(ask: Asker, version: str, status: int) -> None:
    sent = {"company_id": ask.backend.world.account.id}

    assert ask("GET", "/products", sent, headers={"api-version-date": version}).status == status


def test_an_idempotency_key_has_at_most_255_bytes(fresh: Asker) -> None:
    body = {"company_id": fresh.backend.world.account.id, "title": "t"}

    assert fresh("POST", "/products", body=body, headers={"idempotency-key": "k" * 255}).status == 200
    assert fresh("POST", "/products", body=body, headers={"idempotency-key": "k" * 256}).status == 400


def test_the_rate_limit_counts_per_operation_and_key_and_ends(contract: Contract) -> None:
    now = [0.0]
    backend = Backend(contract, SimulatorOptions(rate_limit=3, rate_seconds=60, clock=lambda: now[0]))
    ask = Asker(backend, contract)

    assert [ask.operation("products.list").status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert_documented(ask, ask.operation("products.list"), 429, "rate_limit_exceeded")
    assert ask.operation("plans.list").status == 200
    assert ask("GET", "/products", ask.required(contract.operation("products.list")), key=backend.app_key).status == 200
    now[0] = 60.0
    assert ask.operation("products.list").status == 200


def test_v2_counts_all_requests_of_a_key_and_has_a_cool_down(contract: Contract) -> None:
    now = [0.0]
    ask = Asker(Backend(contract, SimulatorOptions(clock=lambda: now[0])), contract)

    assert {ask.operation("v2.plans.retrieve").status for _ in range(100)} == {200}
    refused = ask.operation("v2.plans.retrieve")
    assert (refused.status, refused.json["error"].keys()) == (429, {"status", "message"})
    assert ask.operation("plans.retrieve").status == 200
    now[0] = 59.0
    assert ask.operation("v2.plans.retrieve").status == 429
    now[0] = 60.0
    assert ask.operation("v2.plans.retrieve").status == 200


def test_an_internal_error_is_a_500_without_a_traceback(ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(ask.backend.world, "table", broken)
    answer = ask("GET", "/products", {"company_id": "x"})

    assert_documented(ask, answer, 500, "internal_server_error")
    assert b"secret" not in bytes(answer.response.body)


TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@quick
@given(data=st.data(), id=st.sampled_from(OPERATIONS))
def test_no_query_or_header_makes_it_fail(scratch: Asker, data: st.DataObject, id: str) -> None:
    operation = scratch.contract.operation(id)
    names = [parameter.name for parameter in operation.in_("query")] or ["x"]
    query = data.draw(st.lists(st.tuples(st.sampled_from(names), TEXT | st.integers().map(str)), max_size=5))
    fields = sorted(scratch.contract.resolve(operation.body or {}, operation.api).get("properties", {})) or ["x"]
    body = data.draw(st.dictionaries(st.sampled_from(fields), JSON, max_size=5) | JSON)
    required = list(scratch.required(operation).items()) if data.draw(st.booleans()) else []
    answer = scratch(
        operation.method, scratch.path(operation), [*required, *query], json.dumps(body).encode(), api=operation.api
    )

    assert answer.status < 500
    if answer.status == 200:
        assert scratch.contract.validator(operation.success.pointer, operation.api).is_valid(answer.json)


@quick
@given(raw=st.binary(max_size=60), path=st.text(alphabet="abc/%{}?#é ", max_size=20))
def test_no_path_or_body_makes_it_fail(scratch: Asker, raw: bytes, path: str) -> None:
    assert scratch("POST", "/products", body=raw).status in (400, 404)
    assert scratch("GET", f"/{path}").status == 404
