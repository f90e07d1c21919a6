"""An exam: pairs of small documents that differ in one thing, with the findings that the comparison has to report."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract_build.files import read_yaml
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side

Node = dict[str, Any]
FOLDER = Path(__file__).with_name("pairs")
SHARED: Node = {"type": "object", "properties": {"a": {"type": "string"}}}
OTHER: Node = {"type": "object", "properties": {"a": {"type": "boolean"}}}
OPERATION: Node = {"operationId": "things.create", "responses": {"200": {"description": "ok"}}}
PLACES = {"sent": "body:/x", "received": "/x", "webhook": "/x", "param": "param:x"}


@cache
def entries(*names: str) -> list[Node]:
    return [entry for name in names for entry in read_yaml(FOLDER / f"{name}.yaml")]


def schema_cases() -> Iterator[Any]:
    for entry in entries("values", "structures", "keywords"):
        for side in ("sent", "received", "webhook", *(["param"] if "param" in entry else [])):
            expected = entry["received" if side == "webhook" else side]
            yield pytest.param(entry, side, expected, id=f"{entry['id']}-{side}")


def resolved(node: Any) -> Any:
    """Write `$ref: Thing` as a complete reference."""
    if isinstance(node, dict):
        return {
            key: f"#/components/schemas/{value}" if key == "$ref" and value in ("Thing", "Other") else resolved(value)
            for key, value in node.items()
        }
    return [resolved(item) for item in node] if isinstance(node, list) else node


def with_schema(schema: Any, side: str) -> Node:
    """Return a document whose only field `x` has `schema`: in a request, a response, a webhook or a parameter."""
    operation = copy.deepcopy(OPERATION)
    content = {
        "application/json": {"schema": {"type": "object", "properties": {"x": resolved(schema)}, "required": ["x"]}}
    }
    document: Node = {
        "openapi": "3.1.0",
        "paths": {"/things": {"post": operation}},
        "components": {"schemas": {"Thing": SHARED, "Other": OTHER}},
    }
    if side == "sent":
        operation["requestBody"] = {"required": True, "content": content}
    elif side == "received":
        operation["responses"]["200"]["content"] = content
    elif side == "webhook":
        document["webhooks"] = {"thing.made": {"post": {"requestBody": {"content": content}}}}
    else:
        operation["parameters"] = [{"name": "x", "in": "query", "schema": resolved(schema)}]
    return document


def side_of(name: str, document: Node) -> Side:
    return Side(name, {"v1": read_openapi(document, name)})


def compared(old: Node, new: Node) -> Comparison:
    return compare_sides(side_of("old", old), side_of("new", new))


@pytest.mark.parametrize(("entry", "side", "expected"), list(schema_cases()))
def test_a_schema(entry: Node, side: str, expected: str | list[str]) -> None:
    comparison = compared(with_schema(entry["old"], side), with_schema(entry["new"], side))
    found = {(one.finding.drift_class, str(one.finding.severity), one.finding.location) for one in comparison.changes}
    wanted, gaps = set(), set()
    for text in [expected] if isinstance(expected, str) else expected:
        words = text.split()
        if words[0] == "not-compared":
            gaps.add(" ".join(words[1:]))
        elif words != ["none"]:
            wanted.add((words[0], words[1], PLACES[side] + (words[2] if len(words) > 2 else "")))
    assert found == wanted
    assert {gap.keyword for gap in comparison.gaps} == gaps


def merged(base: Any, change: Any) -> Any:
    """Merge objects; None removes a key."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    both = {key: merged(value, change[key]) if key in change else value for key, value in base.items()}
    both.update((key, value) for key, value in change.items() if key not in base)
    return {key: value for key, value in both.items() if value is not None}


def document(change: Node) -> Node:
    change = dict(change)
    operation = merged(OPERATION, change.pop("op", {}))
    if "parameters" in change:
        operation["parameters"] = change.pop("parameters")
    base = {"openapi": "3.1.0", "info": {"title": "a"}, "paths": {"/things": {"post": operation}}, "components": {}}
    result: Node = merged(base, change)
    return result


@pytest.mark.parametrize("entry", entries("operations", "documents"), ids=lambda entry: entry["id"])
def test_a_document(entry: Node) -> None:
    old = entry.get("old", {})
    comparison = compared(document(old), document(entry.get("new", {})))
    found = {
        " ".join(
            filter(None, (one.finding.drift_class, one.finding.severity, one.finding.operation, one.finding.location))
        )
        for one in comparison.changes
    }
    found |= {" ".join(filter(None, ("not-compared", gap.operation, gap.keyword))) for gap in comparison.gaps}
    assert found == {text.replace("'", "") for text in entry["expect"]}


def test_the_exam_is_long_and_of_many_kinds() -> None:
    cases = list(schema_cases())
    assert len(cases) + len(entries("operations", "documents")) > 800
    assert len({entry["id"] for entry in entries("values", "structures", "keywords", "operations", "documents")}) > 440
