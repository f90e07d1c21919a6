"""One object as the webhook delivers it, as the API returns it, and as both document it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from whopwatch.checks.consistency import differing_paths
from whopwatch.contract import Contract, load
from whopwatch.contract.schema import pointer_of
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call, Client
from whopwatch.simulator import Simulator, embedded

CONTRACT = load()
DELETED = {"entry.deleted"}
Schema = Mapping[str, Any]
ANNOTATIONS = frozenset({"title", "description", "deprecated"})


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """The simulator of CONTRACT, whichever contract the session has."""
    with embedded(CONTRACT) as running:
        yield running


def deref(contract: Contract, schema: Schema) -> Schema:
    return contract.resolve(schema)


def schema_differences(contract: Contract, one: Schema, other: Schema, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the locations where two schemas of the same object differ."""
    if one.get("$ref") and one.get("$ref") == other.get("$ref"):
        return
    one, other = deref(contract, one), deref(contract, other)
    for key in (one.keys() | other.keys()) - ANNOTATIONS - {"properties", "items", "anyOf", "oneOf", "required"}:
        if key != "discriminator" and one.get(key) != other.get(key):
            yield f"{pointer_of(path)} {key}"
    mine, theirs = one.get("properties", {}), other.get("properties", {})
    for name in mine.keys() | theirs.keys():
        if name not in mine or name not in theirs:
            yield f"{pointer_of((*path, name))} is in one of them"
        else:
            yield from schema_differences(contract, mine[name], theirs[name], (*path, name))
    if set(one.get("required", ())) != set(other.get("required", ())):
        yield f"{pointer_of(path)} required"
    for key in ("anyOf", "oneOf"):
        branches, others = one.get(key, ()), other.get(key, ())
        if len(branches) != len(others):
            yield f"{pointer_of(path)} {key}"
        for branch, another in zip(branches, others, strict=False):
            yield from schema_differences(contract, branch, another, path)
    if "items" in one and "items" in other:
        yield from schema_differences(contract, one["items"], other["items"], (*path, "*"))


@pytest.mark.parametrize("event", CONTRACT.events)
def test_the_webhook_and_the_api_document_the_same_object(event: str) -> None:
    found = CONTRACT.events[event]
    data = deref(CONTRACT, found.schema)["properties"]["data"]
    answered = CONTRACT.operation(f"{found.resource}.retrieve").success.schema
    assert answered is not None
    assert list(schema_differences(CONTRACT, data, answered)) == []


def test_different_schemas_are_found_to_differ() -> None:
    """The comparison itself can fail."""
    text, count = {"type": "string"}, {"type": "integer"}
    one = {"type": "object", "properties": {"a": text, "b": text}, "required": ["a"]}
    other = {"type": "object", "properties": {"a": count, "c": text}, "required": []}
    found = sorted(schema_differences(CONTRACT, one, other))
    assert found == [" required", "/a type", "/b is in one of them", "/c is in one of them"]


@pytest.mark.parametrize("event", CONTRACT.events)
def test_the_delivered_object_conforms_and_equals_the_retrieved_one(simulator: Simulator, event: str) -> None:
    found, backend = CONTRACT.events[event], simulator.backend
    parcel = next(one for one in backend.composer.trigger(found, time.time()) if one.event == event)
    payload = json.loads(parcel.body)
    assert list(CONTRACT.validator(found.pointer).violations(payload)) == []
    operation = CONTRACT.operation(f"{found.resource}.retrieve")
    assert list(CONTRACT.validator(operation.success.pointer).violations(payload["data"])) == []
    (parameter,) = operation.in_("path")
    with Client(simulator.target(), CONTRACT, budget=1) as client:
        exchange = client.send(Call(operation, Purpose.RETRIEVE, {parameter.name: payload["data"]["id"]}))
    if event in DELETED:
        assert exchange.status == 404
    else:
        assert list(differing_paths(payload["data"], exchange.json)) == []
