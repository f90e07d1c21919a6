"""The simulator with the newest edition: what its data does not declare falls back to a generic behaviour."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.run.in_process import InProcess
from tests.simulator.asker import Answer, Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import Contract, Operation, load
from whopwatch.core.report import Verdict
from whopwatch.run import check
from whopwatch.simulator import Backend, SimulatorOptions
from whopwatch.simulator.world.filters import value_schema

VERSION = "2026-10-15-1"


@pytest.fixture(scope="module")
def newest() -> Contract:
    return load(VERSION)


@pytest.fixture(scope="module")
def ask(newest: Contract) -> Asker:
    """A simulator that the tests only read."""
    return Asker(Backend(newest, SimulatorOptions(rate_limit=10**9)), newest)


@pytest.fixture
def fresh(newest: Contract) -> Asker:
    return Asker(Backend(newest, SimulatorOptions(rate_limit=10**9)), newest)


def request(ask: Asker, operation: Operation) -> Answer:
    """Send a request with everything that the operation requires."""

    def known(resource: str | None) -> str:
        world = ask.backend.world
        if resource == world.account.table:
            return world.account.id
        table = world.views.table_of(resource)
        return ask.some_id(table) if table else "id_123"

    def value(name: str) -> str:
        parameter = operation.parameter(name)
        assert parameter
        if parameter.resource:
            return known(parameter.resource)
        schema = value_schema(ask.contract, operation, parameter)
        samples = {"integer": "1", "number": "1", "boolean": "true"}
        return str(schema.known_values[0]) if schema.known_values else samples.get(schema.type or "", "2026-01-01")

    path = operation.fill({parameter.name: known(parameter.resource) for parameter in operation.in_("path")})
    query = {parameter.name: value(parameter.name) for parameter in operation.required_query}
    body = next(iter(bodies(ask, operation))) if operation.body is not None else None
    return ask(operation.method, path, query, body, api=operation.api)


def test_it_starts_within_two_seconds_with_everything_that_it_needs(newest: Contract) -> None:
    started = time.process_time()
    backend = Backend(newest, SimulatorOptions(seed=11))
    assert time.process_time() - started < 2
    assert len(backend.world.shapes) > 100


def test_every_read_with_known_ids_has_a_valid_response(ask: Asker, newest: Contract) -> None:
    for operation in newest.reads:
        answer = request(ask, operation)
        assert answer.status == operation.success.status, (operation.id, answer.json)
        validator = newest.validator(operation.success.pointer, operation.api)
        assert list(validator.violations(answer.json)) == [], operation.id


def test_a_log_has_ids_that_no_list_returns(ask: Asker, newest: Contract) -> None:
    entries = ask("GET", "/api_logs", {"first": 100}).json["data"]
    assert len(entries) > 20
    for entry in entries:
        found = newest.match(entry["http_method"], entry["http_path"])
        assert found is not None
        assert found.id == entry["operation_name"]
        assert entry["http_path"].count(entry["resource_id"]) == 1
    logged = {entry["operation_name"] for entry in entries}
    assert {"media.retrieve", "claim_links.retrieve", "payout_accounts.retrieve"} <= logged


def test_every_write_has_a_documented_status_and_a_valid_response(newest: Contract) -> None:
    checked = 0
    ask = Asker(Backend(newest, SimulatorOptions(rate_limit=10**9)), newest)
    for operation in newest.operations.values():
        deletes_account = operation.method == "DELETE" and operation.resource == newest.account.resource
        if operation.is_read or deletes_account:
            continue
        answer = request(ask, operation)
        assert answer.status in (operation.success.status, 404), (operation.id, answer.json)
        if answer.status != 404 and operation.success.schema is not None:
            validator = newest.validator(operation.success.pointer, operation.api)
            assert list(validator.violations(answer.json)) == [], operation.id
            checked += 1
    assert checked > 240


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.thorough)])
def test_a_check_of_the_simulator_is_clean_and_reaches_every_read(newest: Contract, seed: int) -> None:
    simulator = InProcess(newest, SimulatorOptions(seed=seed, rate_limit=10**9))
    report = check(newest, simulator.target(), seed=seed, transport=simulator, budget=600)
    assert [(finding.operation, finding.location, finding.message) for finding in report.findings] == []
    assert report.verdict is Verdict.CLEAN
    reads = {operation.id for operation in newest.reads}
    assert [row.id for row in report.operations if row.id in reads and row.state != "verified"] == []
    assert len(reads) == 217


@pytest.mark.thorough
def test_writes_below_other_objects_are_checked() -> None:
    resources = "members.notes,accounts.preferences,webhooks,payouts.methods,reactions,transfers,experiments"
    options = ["--contract", "newest", "--allow-writes", "--budget", "2500", "--resource", resources, "--json", "-"]
    run = subprocess.run([sys.executable, "-m", "whopwatch", "check", *options], capture_output=True, check=False)
    report = json.loads(run.stdout)
    assert report["findings"] == []
    verified = {row["id"] for row in report["operations"] if row["state"] == "verified"}
    assert {"members.notes.create", "accounts.preferences.update", "payouts.methods.delete"} <= verified
    assert {"reactions.create", "transfers.create", "experiments.end"} <= verified


def test_amounts_are_stored_in_the_form_that_responses_show(fresh: Asker) -> None:
    body = {"type": "balance", "amount": 10, "currency": "usd", "origin_id": "x", "destination_id": "y"}
    assert fresh("POST", "/transfers", body=body).json["amount"]["amount"] == "10"


def test_lists_have_their_documented_page_sizes(ask: Asker) -> None:
    account = {"account_id": ask.backend.world.account.id}
    assert len(ask("GET", "/payments").json["data"]) == 20
    assert len(ask("GET", "/payments", {"first": 1000}).json["data"]) == 100
    assert len(ask("GET", "/accounts", {"first": 100}).json["data"]) == 50
    assert len(ask("GET", "/api_logs", account).json["data"]) == 25


def test_a_list_without_paging_parameters_is_whole(ask: Asker) -> None:
    cards = ask("GET", "/cards", {"account_id": ask.backend.world.account.id}).json
    assert len(cards["data"]) > 20
    assert "page_info" not in cards


def test_errors_have_the_form_of_their_operation(ask: Asker, newest: Contract) -> None:
    native = ask("GET", "/payments/pay_00000000000000").json["error"]
    legacy = ask("GET", "/courses/cors_00000000000000").json["error"]
    assert newest.operation("payments.retrieve").raw["x-whop-surface"] == "native"
    assert newest.operation("courses.retrieve").raw["x-whop-surface"] == "legacy"
    assert sorted(native) == ["message", "type"]
    assert sorted(legacy) == ["code", "message", "param", "type"]


def test_the_account_is_found_without_an_id(ask: Asker) -> None:
    account = ask.backend.world.account
    assert account.table == "accounts"
    assert ask("GET", "/accounts/me").json["id"] == account.id


def test_a_document_without_an_id_is_one_for_each_object_and_keeps_what_is_written(fresh: Asker) -> None:
    account = fresh.backend.world.account.id
    path = f"/accounts/{account}/preferences"
    before = fresh("GET", path).json
    assert fresh("GET", path).json == before
    name = next(name for name, value in before.items() if isinstance(value, bool))
    assert fresh("PATCH", path, body={name: not before[name]}).status == 200
    after = fresh("GET", path).json
    assert after[name] is (not before[name])


def test_what_is_created_under_an_object_belongs_to_it(fresh: Asker, newest: Contract) -> None:
    account = fresh.backend.world.account.id
    operation = newest.operation("accounts.financing_applications.create")
    created = fresh("POST", f"/accounts/{account}/financing_applications", body=next(iter(bodies(fresh, operation))))
    assert created.status == operation.success.status
    listed = fresh("GET", f"/accounts/{account}/financing_applications").json["data"]
    assert created.json["id"] in [item["id"] for item in listed]


def test_a_deletion_shows_the_object_and_removes_it(fresh: Asker, newest: Contract) -> None:
    id = fresh.some_id("ads")
    assert fresh("DELETE", f"/ads/{id}").json["id"] == id
    assert fresh("GET", f"/ads/{id}").status == 404


def test_an_object_and_its_id_beside_it_are_one(ask: Asker, newest: Contract) -> None:
    compared = 0
    for membership in ask.backend.world.table("memberships").values():
        product, id = membership.values.get("product"), membership.values.get("product_id")
        if product and id:
            assert product == id
            compared += 1
    assert compared > 5


def test_events_have_valid_payloads(newest: Contract) -> None:
    backend = Backend(newest, SimulatorOptions())
    checked = 0
    for event in newest.events.values():
        deliveries = [one for one in backend.trigger(event.name) if one.event == event.name]
        assert deliveries, event.name
        validator = newest.validator(event.pointer)
        payload: Any = deliveries[0].payload
        assert list(validator.violations(payload)) == [], event.name
        checked += 1
    assert checked == len(newest.events) > 80


@pytest.mark.parametrize(("version", "status"), [(VERSION, 200), ("2025-01-01", 400), ("2026-10-15", 400), ("x", 400)])
def test_only_the_version_of_the_contract_is_answered(ask: Asker, version: str, status: int) -> None:
    answer = ask("GET", "/accounts/me", headers={"api-version-date": version})
    assert answer.status == status
    assert answer.response.headers["api-version-date"] == VERSION
    if status == 400:
        assert answer.error["param"] == "Api-Version-Date"
        if version != "x":
            assert VERSION in answer.error["message"]


def test_lenient_answers_any_well_formed_version(newest: Contract) -> None:
    lenient = Asker(Backend(load(), SimulatorOptions(lenient=True)), load())
    path = "/products/prod_aaaaaaaaaaaaaa"
    for version in ("2026-10-15-1", "2026-10-15", "2025-01-01"):
        assert lenient("GET", path, headers={"api-version-date": version}).status == 200
    assert lenient("GET", path, headers={"api-version-date": "yesterday"}).status == 400


def test_products_are_listed_by_their_account(ask: Asker) -> None:
    """The object of the account has no documented fields there; its id is what the filter compares."""
    account = ask.backend.world.account.id
    rows = ask.operation("products.list", {"account_id": account}).json["data"]
    assert rows
    assert all(row["account"] is None or row["account"]["id"] == account for row in rows)
