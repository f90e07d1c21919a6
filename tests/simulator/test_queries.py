"""Every documented filter and order does what its name says, and none is ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator.asker import Asker
from whopwatch.contract import Contract, Operation, Parameter, load
from whopwatch.contract.behaviour import PAGING
from whopwatch.simulator.declarations import SORT_PARAMETERS
from whopwatch.simulator.world.views import views_of

FILTERS = [
    (operation.id, parameter.name)
    for operation in load().lists
    for parameter in operation.in_("query")
    if parameter.name not in PAGING | SORT_PARAMETERS
]
ORDERS = [
    (operation.id, value)
    for operation in load().lists
    if (parameter := operation.parameter("order"))
    for value in load().resolve(parameter.schema)["enum"]
]


def test_every_query_parameter_of_a_list_is_a_filter_an_order_or_a_page_parameter(contract: Contract) -> None:
    for operation in contract.lists:
        handled = {one.parameter.name for one in views_of(contract).filters_of(operation)}
        documented = {parameter.name for parameter in operation.in_("query")}
        assert documented - handled <= PAGING | SORT_PARAMETERS


def candidates(ask: Asker, operation: Operation, parameter: Parameter) -> Iterator[str]:
    """Values worth trying for a filter."""
    schema = ask.contract.resolve(parameter.schema)
    schema = ask.contract.resolve(schema.get("items", schema))
    filters = ask.backend.world.views.filters_of(operation)
    path = next(one.path for one in filters if one.parameter.name == parameter.name)
    rows = list(ask.backend.world.table(ask.backend.world.views.of_operation[operation.id].table).values())
    if "enum" in schema:
        yield from schema["enum"]
    elif schema["type"] == "boolean":
        yield from ("true", "false")
    elif schema["type"] == "integer":
        yield from ("2", "4")
    elif schema.get("format") == "date-time":
        yield ask.backend.world.created(rows[len(rows) // 2])
    elif parameter.resource:
        for field in (parameter.resource, "users", "companies"):
            yield from ask.backend.world.table(field)
    else:
        for row in rows:
            yield from (value for option in path.split("|") for value in ask.backend.world.follow(row, option))


@pytest.mark.parametrize(("id", "name"), FILTERS, ids=[f"{id}-{name}" for id, name in FILTERS])
def test_a_filter_keeps_some_items_in_their_order_and_drops_others(ask: Asker, id: str, name: str) -> None:
    operation = ask.contract.operation(id)
    parameter = operation.parameter(name)
    assert parameter is not None
    view = ask.backend.world.views.of_operation[id]
    everything = len(ask.backend.world.table(view.table))
    base = [] if parameter.required else ask.walk(id)
    sizes = set()
    for value in candidates(ask, operation, parameter):
        kept = ask.walk(id, {name: value})
        sizes.add(len(kept))
        if not parameter.required:
            assert [item for item in base if item in kept] == kept
        if sizes - {0, everything, len(base)}:
            return
    pytest.fail(f"no value of {name} makes a difference: {sorted(sizes)} of {everything} items")


SHOWN = [
    ("payments.list", "statuses[]", "status"),
    ("payments.list", "currencies[]", "currency"),
    ("payments.list", "substatuses[]", "substatus"),
    ("memberships.list", "statuses[]", "status"),
    ("products.list", "visibilities[]", "visibility"),
    ("plans.list", "plan_types[]", "plan_type"),
    ("plans.list", "release_methods[]", "release_method"),
    ("members.list", "access_level", "access_level"),
    ("authorized_users.list", "role", "role"),
    ("app_builds.list", "platform", "platform"),
    ("invoices.list", "statuses[]", "status"),
    ("promo_codes.list", "status", "status"),
]


@pytest.mark.parametrize(("id", "name", "field"), SHOWN)
def test_the_values_of_an_enum_partition_the_list(ask: Asker, id: str, name: str, field: str) -> None:
    everything = ask.walk(id)
    seen: list[Any] = []
    for value in sorted({item[field] for item in everything if item[field] is not None}):
        kept = ask.walk(id, {name: value})
        assert {item[field] for item in kept} == {value}
        seen += kept
    missing = [item for item in everything if item not in seen]

    assert len(seen) + len(missing) == len(everything)
    assert {item[field] for item in missing} <= {None}


@pytest.mark.parametrize("id", [op.id for op in load().lists if op.parameter("created_after")])
def test_two_dates_partition_a_list_and_the_boundary_counts_once(ask: Asker, id: str) -> None:
    everything = ask.walk(id)
    rows = list(ask.backend.world.table(ask.backend.world.views.of_operation[id].table).values())
    moment = ask.backend.world.created(rows[-len(rows) // 3])

    before = ask.walk(id, {"created_before": moment})
    after = ask.walk(id, {"created_after": moment})

    assert after + before == everything
    assert after
    assert before


@pytest.mark.parametrize(("id", "product"), [("payments.list", "product"), ("memberships.list", "product")])
def test_several_values_of_an_array_select_the_union(ask: Asker, id: str, product: str) -> None:
    ids = sorted({item[product]["id"] for item in ask.walk(id) if item[product]})[:3]
    pairs = [(name, value) for name, value in ask.required(ask.contract.operation(id)).items()]
    pairs += [("first", "100"), *(("product_ids[]", value) for value in ids)]

    kept = ask("GET", f"/{id.removesuffix('.list')}", pairs).json["data"]

    assert {item[product]["id"] for item in kept} == set(ids)


def test_an_impossible_filter_returns_an_empty_page(ask: Asker) -> None:
    page = ask.operation("payments.list", {"product_ids[]": "prod_of_no_company"})

    assert page.status == 200
    assert page.json["data"] == []
    assert page.info["has_next_page"] is False


@pytest.mark.parametrize(("id", "order"), ORDERS, ids=[f"{id}-{order}" for id, order in ORDERS])
def test_an_order_sorts_by_its_field_and_loses_nothing(ask: Asker, id: str, order: str) -> None:
    unsorted = ask.walk(id)
    items = ask.walk(id, {"order": order, "direction": "asc"})
    keys = [item[order] for item in items if item.get(order) is not None]

    assert sorted(item["id"] for item in items) == sorted(item["id"] for item in unsorted)
    assert keys == sorted(keys)


def test_a_search_ignores_case(ask: Asker) -> None:
    name = next(
        member["user"]["name"] for member in ask.walk("members.list") if member["user"] and member["user"]["name"]
    )

    found = ask.walk("members.list", {"query": name.upper()})

    assert found
    assert all(member["user"]["name"] == name for member in found)


def test_a_list_accepts_ids_of_every_kind_of_parent(ask: Asker) -> None:
    for operation in ask.contract.lists:
        for parameter in operation.in_("query"):
            for resource in parameter.resources[1:] if parameter.required else ():
                parent = next(iter(ask.backend.world.table(resource)))
                assert ask("GET", operation.path, {parameter.name: parent}).status == 200
