"""Every reading operation answers as documented, on any seed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.asker import Asker
from whopwatch.contract import Contract, Operation, load
from whopwatch.simulator import Backend, SimulatorOptions

READS = [operation.id for operation in load().reads]
LISTS = [operation.id for operation in load().lists]


def valid(contract: Contract, operation: Operation, value: Any) -> list[str]:
    validator = contract.validator(operation.success.pointer, operation.api)
    return [violation.location for violation in validator.violations(value)]


@pytest.mark.parametrize("id", READS)
def test_a_read_answers_200_with_a_valid_body(ask: Asker, contract: Contract, id: str) -> None:
    answer = ask.operation(id)

    assert answer.status == 200
    assert valid(contract, contract.operation(id), answer.json) == []
    success = contract.operation(id).success
    assert contract.validator(success.pointer, contract.operation(id).api).is_exact(answer.json)


@pytest.mark.parametrize("id", LISTS)
def test_a_list_has_several_pages(ask: Asker, id: str) -> None:
    assert ask.operation(id).info["has_next_page"]


@pytest.mark.parametrize("seed", [1, 7, 4096])
def test_every_object_of_a_world_is_valid_in_every_view(contract: Contract, seed: int) -> None:
    asker = Asker(Backend(contract, SimulatorOptions(seed=seed)), contract)
    broken = {}
    for operation in contract.reads:
        if operation.id.endswith(".retrieve"):
            for id in asker.backend.world.table(operation.resource):
                broken[operation.id, id] = valid(contract, operation, asker.operation(operation.id, id=id).json)
        elif operation.is_list:
            page = asker.operation(operation.id, {"first": 100})
            broken[operation.id, "page"] = valid(contract, operation, page.json)

    assert {key: found for key, found in broken.items() if found} == {}


@pytest.mark.parametrize("resource", [id.removesuffix(".list") for id in LISTS if id.endswith(".list")])
def test_a_list_item_is_what_retrieve_shows_of_it(ask: Asker, contract: Contract, resource: str) -> None:
    if f"{resource}.retrieve" not in contract.operations:
        pytest.skip("the API retrieves no single object of this resource")
    for item in ask.operation(f"{resource}.list", {"first": 30}).json["data"]:
        alone = ask.operation(f"{resource}.retrieve", id=item["id"]).json
        shared = item.keys() & alone.keys()
        for name in shared:
            assert shown_alike(item[name], alone[name]), name


def shown_alike(one: Any, other: Any) -> bool:
    """Whether two views agree on everything that both of them show."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(shown_alike(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(shown_alike, one, other))
    return bool(one == other)


def test_an_empty_company_lists_nothing_and_still_exists(contract: Contract) -> None:
    asker = Asker(Backend(contract, SimulatorOptions(items=0)), contract)
    company = asker.backend.world.account.id

    page = asker("GET", "/products", {"company_id": company})

    assert page.json["data"] == []
    assert page.info == {
        "end_cursor": None,
        "start_cursor": None,
        "has_next_page": False,
        "has_previous_page": False,
    }
    assert asker("GET", f"/companies/{company}").status == 200


def test_items_sets_the_length_of_lists(contract: Contract) -> None:
    asker = Asker(Backend(contract, SimulatorOptions(items=7)), contract)

    assert {len(asker.walk(f"{name}.list")) for name in ("products", "plans", "payments")} == {7}


def test_check_access_answers_at_both_documented_paths(ask: Asker) -> None:
    user, company = ask.some_id("users"), ask.backend.world.account.id

    named = ask("GET", f"/users/{user}/access/{company}")
    short = ask("GET", f"/users/{user}/check_access", {"resource_id": company})

    assert named.status == short.status == 200
    assert named.json == short.json


def test_the_owner_of_a_company_has_access_as_its_admin(ask: Asker) -> None:
    company = ask.backend.world.account.id
    owner = ask.operation("companies.retrieve", id=company).json["owner_user"]["id"]

    answer = ask("GET", f"/users/{owner}/access/{company}").json

    assert answer == {"access_level": "admin", "has_access": True}


def test_v2_expands_the_product_of_a_plan_and_counts_time_in_seconds(ask: Asker) -> None:
    plan = ask.some_id("plans")
    v1 = {item["id"]: item for item in ask.walk("plans.list")}
    plans = [ask("GET", f"/plans/{id}", api="v2").json for id in v1]

    short = ask("GET", f"/plans/{plan}", api="v2").json
    expanded = ask("GET", f"/plans/{plan}", {"expand[]": "product"}, api="v2").json

    assert expanded["product"]["id"] == short["product"]
    assert all(isinstance(plan["created_at"], int) for plan in plans if "created_at" in plan)
    assert all(plan["base_currency"] == v1[plan["id"]]["currency"] for plan in plans if "base_currency" in plan)
    documented = ask.backend.world.views.of_operation["v2.plans.retrieve"].node.fields
    assert {name for plan in plans for name in plan} == documented.keys()
