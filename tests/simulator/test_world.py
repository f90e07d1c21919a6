"""The simulated world: equal for equal seeds, coherent, and complete: everything that a schema allows occurs in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.simulator.asker import Asker
from whopwatch.contract import Contract
from whopwatch.simulator import Backend, SimulatorOptions
from whopwatch.simulator.world.projection import Projector
from whopwatch.simulator.world.tables import World
from whopwatch.simulator.world.values import EntityRef

DIGEST = """
import hashlib, json, sys
from whopwatch.contract import load
from whopwatch.simulator.world.projection import Projector
from whopwatch.simulator.world.tables import World
world = World(load(), seed=5)
names = sorted(world.views.of_operation, reverse=sys.argv[1] == "backwards")
projector = Projector(world)
shown = {
    name: [projector.show(row, view) for row in world.table(view.table).values()]
    for name in names
    for view in [world.views.of_operation[name]]
}
print(hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest())
"""


def digest(order: str, hash_seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", DIGEST, order]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout


def test_the_same_seed_gives_the_same_bytes_in_any_process_and_order() -> None:
    assert digest("forwards", "0") == digest("backwards", "1")


def test_another_seed_gives_another_world(contract: Contract) -> None:
    first, second = World(contract, seed=1), World(contract, seed=2)

    assert first.table("products")
    assert not first.table("products").keys() & second.table("products").keys()


@pytest.fixture(scope="module")
def shown(ask: Asker) -> Mapping[str, list[Any]]:
    """Return every object of the world as each read operation and each event shows it."""
    world, projector = ask.backend.world, Projector(ask.backend.world)
    reads = {o.id for o in ask.contract.reads} & world.views.of_operation.keys()
    views = {**{id: world.views.of_operation[id] for id in reads}, **world.views.of_event}
    return {
        name: [projector.show(row, view) for row in world.table(view.table).values()]
        for name, view in views.items()
        if name != "users.check_access"
    }


def locations(contract: Contract, schema: Mapping[str, Any], api: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every location in a schema with its alternatives."""
    schema = contract.resolve(schema, api)
    branches = [contract.resolve(branch, api) for branch in schema.get("anyOf") or schema.get("oneOf") or [schema]]
    yield path, branches
    for branch in branches:
        if "items" in branch:
            yield from locations(contract, branch["items"], api, f"{path}/*")
        for name, child in branch.get("properties", {}).items():
            yield from locations(contract, child, api, f"{path}/{name}")


def values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, child in value.items():
            yield from values(child, f"{path}/{name}")
    if isinstance(value, list):
        for child in value:
            yield from values(child, f"{path}/*")


def seen_at(objects: list[Any]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for item in objects:
        for path, value in values(item):
            found[path].append(value)
    return found


def object_schema(contract: Contract, name: str) -> tuple[Mapping[str, Any], str]:
    if name in contract.events:
        schema = contract.resolve(contract.events[name].schema)
        return schema["properties"]["data"], "v1"
    operation = contract.operation(name)
    schema = contract.resolve(operation.success.schema or {}, operation.api)
    return (schema["properties"]["data"]["items"] if operation.is_list else schema), operation.api


def test_every_nullable_field_of_every_view_is_sometimes_null_and_sometimes_not(
    contract: Contract, shown: Mapping[str, list[Any]]
) -> None:
    one_sided = []
    for name, objects in shown.items():
        found = seen_at(objects)
        for path, branches in locations(contract, *object_schema(contract, name)):
            # Where a reference leads to one or two objects only, one side may be all there is.
            holders = found.get(f"{path.rpartition('/')[0]}/id", found[path])
            if {"type": "null"} in branches and len({value is None for value in found[path]}) < 2 < len(
                set(map(repr, holders))
            ):
                one_sided.append(f"{name}{path}")

    assert "\n".join(one_sided) == ""


def test_every_variant_of_every_union_occurs(contract: Contract, shown: Mapping[str, list[Any]]) -> None:
    unions = 0
    for name, objects in shown.items():
        schema, api = object_schema(contract, name)
        found = seen_at(objects)
        for path, branches in locations(contract, schema, api):
            variants = [branch for branch in branches if branch.get("type") == "object" and "properties" in branch]
            if len(variants) > 1:
                tags = {variant["properties"]["typename"]["enum"][0] for variant in variants}
                assert {value["typename"] for value in found[path] if value} == tags, f"{name}{path}"
                unions += 1
    assert unions >= 2


def test_every_value_of_every_enum_occurs(contract: Contract, shown: Mapping[str, list[Any]]) -> None:
    occurring: dict[tuple[Any, ...], set[Any]] = defaultdict(set)
    for name, objects in shown.items():
        found = seen_at(objects)
        for path, branches in locations(contract, *object_schema(contract, name)):
            for branch in branches:
                if "enum" in branch:
                    occurring[tuple(branch["enum"])] |= {value for value in found[path] if isinstance(value, str)}

    assert len(occurring) > 30
    assert {enum: set(enum) - values for enum, values in occurring.items() if set(enum) - values} == {}


def test_every_id_in_a_response_is_of_an_existing_object(
    ask: Asker, contract: Contract, shown: Mapping[str, list[Any]]
) -> None:
    resources = ask.backend.world.shapes.keys()
    checked = 0
    for name, objects in shown.items():
        found = seen_at(objects)
        for path, branches in locations(contract, *object_schema(contract, name)):
            for branch in branches:
                resource = branch.get("x-resource")
                if resource in resources:
                    ids = [value for value in found[path] if isinstance(value, str)]
                    assert all(ask.resolves(resource, id) for id in ids), f"{name}{path}"
                    checked += len(ids)
    assert checked > 10_000


def test_what_a_payment_shows_agrees_with_its_membership_plan_and_payment_method(ask: Asker) -> None:
    memberships = {item["id"]: item for item in ask.walk("memberships.list")}
    plans = {item["id"]: item for item in ask.walk("plans.list")}
    compared = 0
    for payment in ask.walk("payments.list"):
        plan = payment["plan"] and plans[payment["plan"]["id"]]
        if plan and plan["product"] and payment["product"]:
            assert payment["product"]["id"] == plan["product"]["id"]
        membership = payment["membership"] and memberships[payment["membership"]["id"]]
        for name in ("user", "plan", "product", "member"):
            if membership and payment[name] and membership[name]:
                assert payment[name]["id"] == membership[name]["id"]
                compared += 1
        if payment["payment_method"] and payment["payment_method_type"]:
            assert payment["payment_method_type"] == payment["payment_method"]["payment_method_type"]
    assert compared > 10


def test_a_course_lists_the_chapters_that_name_it_and_those_their_lessons(ask: Asker) -> None:
    course = ask.operation("courses.retrieve", id=ask.some_id("courses")).json
    chapters = ask.walk("course_chapters.list", {"course_id": course["id"]})

    assert chapters
    assert sorted(chapter["id"] for chapter in course["chapters"]) == sorted(item["id"] for item in chapters)
    for chapter in course["chapters"]:
        lessons = ask.walk("course_lessons.list", {"chapter_id": chapter["id"]})
        assert sorted(lesson["id"] for lesson in chapter["lessons"]) == sorted(item["id"] for item in lessons)


def test_counts_match_the_counted_objects(ask: Asker) -> None:
    products = ask.walk("products.list")
    memberships = list(ask.backend.world.table("memberships").values())
    for product in products:
        mine = [m for m in memberships if m.values["product"] == EntityRef("products", product["id"])]
        assert product["member_count"] == len(mine)
    assert any(product["member_count"] for product in products)


def test_ids_have_their_documented_prefix(ask: Asker, contract: Contract) -> None:
    tables = 0
    for operation in contract.reads:
        if operation.id.endswith(".retrieve") and operation.parameters[0].id_prefixes:
            prefixes, ids = operation.parameters[0].id_prefixes, list(ask.backend.world.table(operation.resource))
            assert [id for id in ids if not id.startswith(prefixes)] == []
            tables += bool(ids)
    assert tables > 20


def test_no_two_objects_have_the_same_creation_time(ask: Asker) -> None:
    for table in ask.backend.world.shapes:
        times = [row.created for row in ask.backend.world.table(table).values()]
        assert times
        assert times == sorted(set(times))


def test_an_event_shows_the_object_as_the_api_does(contract: Contract, shown: Mapping[str, list[Any]]) -> None:
    compared = 0
    for event in contract.events.values():
        by_id = {item["id"]: item for item in shown.get(f"{event.resource}.retrieve", [])}
        for item in shown[event.name] if by_id else []:
            assert item == by_id[item["id"]], event.name
            compared += 1
    assert compared > 500


def test_the_option_items_is_exact(contract: Contract) -> None:
    asker = Asker(Backend(contract, SimulatorOptions(items=4)), contract)

    assert len(asker.walk("shipments.list", {"company_id": asker.backend.world.account.id})) == 4


@pytest.mark.parametrize("seed", range(3))
def test_new_objects_refer_to_existing_objects(contract: Contract, seed: int) -> None:
    world = World(contract, seed=seed)
    for table in ("members", "plans", "products", "memberships"):
        for entity in world.own(table)[:8]:
            world.delete(entity)
    made = [world.create(table) for table in ("payments", "memberships", "reviews", "invoices") for _ in range(20)]
    pointed = {value for one in made for value in one.raw.values() if isinstance(value, EntityRef)}
    assert {"members", "plans", "products", "memberships"} <= {one.table for one in pointed}
    assert not [one for one in pointed if world.is_deleted(one)]


def test_deletions_do_not_change_the_references_of_seeded_objects(contract: Contract) -> None:
    early, late = World(contract, seed=4), World(contract, seed=4)
    before = [(one.id, one.raw) for one in early.own("payments")]
    for entity in late.own("members")[:20]:
        late.delete(entity)
    assert [(one.id, one.raw) for one in late.own("payments")] == before
