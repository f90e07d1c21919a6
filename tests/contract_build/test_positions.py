"""The contract's fields against a second reading of the SDK that shares no code with the first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract_build import runtime
from whopwatch.contract import edition_dir

Read = dict[str, tuple[runtime.Shape, bool | None]]
DECIDED: frozenset[str] = frozenset()
"""Positions for which `overlay.yaml` decides against the SDK, such as `reviews.retrieve/stars`."""


@pytest.fixture(scope="module")
def v1() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((edition_dir() / "bundle.json").read_text(encoding="utf-8"))["v1"]
    return document


class Documented:
    """The same positions, out of the document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema

    def variants(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        schema = self.resolve(schema)
        members = schema.get("anyOf") or schema.get("oneOf")
        if members is None:
            return [] if schema.get("type") == "null" else [schema]
        return [inner for member in members for inner in self.variants(member)]

    def is_nullable(self, schema: dict[str, Any]) -> bool:
        return {"type": "null"} in self.resolve(schema).get("anyOf", [])

    def shape(self, schema: dict[str, Any]) -> runtime.Shape:
        found = self.variants(schema)
        if len(found) > 1:
            return "union", None, None, self.is_nullable(schema)
        enum = found[0].get("enum")
        values = tuple(enum) if enum is not None else None
        return found[0].get("type", "any"), found[0].get("format"), values, self.is_nullable(schema)

    def positions(self, schema: dict[str, Any], place: str) -> Iterator[runtime.Position]:
        found = self.variants(schema)
        for index, variant in enumerate(found):
            here = place if len(found) == 1 else f"{place}<{index}>"
            if "items" in variant:
                yield f"{here}/*", self.shape(variant["items"]), None
                yield from self.positions(variant["items"], f"{here}/*")
            for name, inner in variant.get("properties", {}).items():
                yield f"{here}/{name}", self.shape(inner), name in variant.get("required", ())
                yield from self.positions(inner, f"{here}/{name}")


def documented_responses(v1: dict[str, Any]) -> Read:
    reader, read = Documented(v1), Read()
    for item in v1["paths"].values():
        for operation in item.values():
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            place = operation["operationId"]
            if operation.get("x-list"):
                found = reader.positions(schema["properties"]["data"]["items"], f"{place}/data/*")
            else:
                read[place] = (reader.shape(schema), None)
                found = reader.positions(schema, place)
            read |= {where: (shape, required) for where, shape, required in found}
    return read


def documented_events(v1: dict[str, Any]) -> Read:
    reader, read = Documented(v1), Read()
    for event, item in v1["webhooks"].items():
        schema = item["post"]["requestBody"]["content"]["application/json"]["schema"]
        for where, shape, required in reader.positions(schema, f"webhook:{event}"):
            read[where] = (shape, required)
    return read


def differences(documented: Read, second: Iterator[runtime.Position]) -> tuple[int, list[str]]:
    """How many positions the second reading has, and where the two differ."""
    found = {where: (shape, required) for where, shape, required in second}
    wrong = [f"{where}: in one reading only" for where in sorted(documented.keys() ^ found.keys())]
    for where in sorted((documented.keys() & found.keys()) - DECIDED):
        (shape, required), (other, known) = documented[where], found[where]
        if shape != other or (known is not None and required is not known):
            wrong.append(f"{where}: {shape}, {required} in the contract; {other}, {known} at run time")
    return len(found), wrong


def test_every_response_field_is_what_the_sdk_declares_at_run_time(v1: dict[str, Any]) -> None:
    total, wrong = differences(documented_responses(v1), runtime.response_positions())
    print(f"{total} response positions compared")
    assert total > 3000
    assert wrong == []


def test_every_event_field_is_what_the_sdk_declares_at_run_time(v1: dict[str, Any]) -> None:
    total, wrong = differences(documented_events(v1), runtime.event_positions())
    print(f"{total} event positions compared")
    assert total > 1000
    assert wrong == []


def test_only_the_company_of_an_event_is_optional(v1: dict[str, Any]) -> None:
    # Counted over the type declarations of the TypeScript package, which tells optional from nullable.
    fields = {**documented_responses(v1), **documented_events(v1)}
    optional = [where for where, (_, required) in fields.items() if required is False]
    assert Counter(where.rpartition("/")[2] for where in optional) == {"company_id": 27}


def test_a_difference_would_be_seen(v1: dict[str, Any]) -> None:
    documented = documented_events(v1)
    where = "webhook:payment.created/timestamp"
    documented[where] = (("string", None, None, False), True)
    del documented["webhook:payment.created/id"]
    _, wrong = differences(documented, runtime.event_positions())
    assert [line.partition(": ")[0] for line in wrong] == ["webhook:payment.created/id", where]
