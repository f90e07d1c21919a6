"""Which changes of a release the data of a simulator show, and in which class a check reports them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.live_history import PAGING, Replay, affected_places, reports_of
from whopwatch.contract import Contract, load
from whopwatch.diff.change import Change, Placed
from whopwatch.diff.model import Direction

OWNER = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"kind": {"const": "person"}, "name": {"type": "string"}},
            "required": ["kind", "name"],
        },
        {
            "type": "object",
            "properties": {"kind": {"const": "company"}, "title": {"type": "string"}},
            "required": ["kind", "title"],
        },
    ]
}
CAT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string", "enum": ["old"]},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "size": {"type": "integer"},
        "owner": OWNER,
    },
    "required": ["id", "size"],
}
CATS: list[dict[str, Any]] = [
    {"id": "a", "kind": "new", "note": None, "size": 1.5, "owner": {"kind": "person", "name": None}},
    {"id": "b", "kind": "old", "note": 7, "color": "red", "owner": {"kind": "company", "title": "x", "name": "y"}},
]
PATHS = {
    "/cats": {"type": "object", "properties": {"data": {"type": "array", "items": CAT}}},
    "/cats/{id}": CAT,
}


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    paths: dict[str, Any] = {}
    for path, schema in PATHS.items():
        content = {"application/json": {"schema": schema}}
        ids = [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}] if "{" in path else []
        operation = {"operationId": f"cats.{'retrieve' if ids else 'list'}", "parameters": ids}
        paths[path] = {"get": {**operation, "responses": {"200": {"description": "", "content": content}}}}
    document = {"openapi": "3.1.0", "info": {"title": "cats", "version": "1"}, "paths": paths}
    file = tmp_path_factory.mktemp("cats") / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return load(file)


@pytest.mark.parametrize(
    ("drift_class", "movement", "name", "reported"),
    [
        ("D5", "removed", "size", {"D5"}),
        ("D5", "removed", "id", set()),
        ("D4", "loosened", "owner/name", set()),  # a company never had a name
        ("D9", "widened", "owner/name", {"D9"}),
        ("D9", "widened", "note", set()),  # it was nullable before
        ("D10", "added", "kind", {"D10"}),
        ("D8", "widened", "kind", {"D10"}),  # any string now: a value that was not documented shows it
        ("D8", "widened", "size", {"D8"}),
        ("D7", "replaced", "note", {"D7"}),
        ("D7", "replaced", "id", set()),
        ("D19", "added", "color", {"D19"}),
        ("D2", "added", "owner/name", {"D19"}),  # new for companies
        ("D19", "added", "weight", set()),
    ],
)
def test_a_change_is_shown_if_a_value_does_not_match_the_older_contract(
    older: Contract, drift_class: str, movement: Any, name: str, reported: set[str]
) -> None:
    placed = Placed("cats.list", f"/data/*/{name}", Direction.RECEIVED, Change(drift_class, movement, "", "", ""))
    seen = Replay((), {"cats.list": [{"data": CATS}]}, frozenset({"cats.list"}))
    assert reports_of(placed, older, seen) == {("cats.list", placed.location, one) for one in reported}


@pytest.mark.parametrize("requested", [True, False])
def test_a_removed_operation_is_shown_if_it_can_be_requested(older: Contract, requested: bool) -> None:
    placed = Placed("cats.retrieve", "path", Direction.SENT, Change("D1", "removed", "", "GET /cats/{id}", "absent"))
    seen = Replay((), {}, frozenset({"cats.retrieve"} if requested else ()))
    assert bool(reports_of(placed, older, seen)) is requested


@pytest.mark.parametrize(
    ("location", "drift_class", "others"),
    [
        ("param:last", "D6", {*PAGING}),
        ("param:company_id", "D4", {"status"}),
        ("param:company_id", "D12", set()),
        ("/data/*/id", "D5", set()),
    ],
)
def test_a_changed_parameter_may_be_reported_elsewhere(location: str, drift_class: str, others: set[str]) -> None:
    change = Change(drift_class, "removed", "", "", "")
    places = affected_places(Placed("cats.list", location, Direction.SENT, change))
    assert {*places} == {("cats.list", one) for one in {location, *others}}
