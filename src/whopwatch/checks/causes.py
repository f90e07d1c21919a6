"""Find the root cause that a finding may share with others: a schema, an object, or a change of the whole API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.operation import escape_pointer
from whopwatch.core.finding import Finding

WHOLE_API = "all"
"""The operation of a finding that the whole API has in common."""
_ARRAY_STEP = "*"
"""The step of a location that leads into an array."""
_CLASSES_OF_FIELDS = ("D4", "D5", "D6", "D9", "D19")
"""Classes about a field of an object. Others are about the value, whichever object contains it."""
_OF_HISTORY = ("memory", "unverified")
"""Checks of the history whose findings may concern the whole API."""
Cause = tuple[str, str]
"""What takes the place of the operation (`schema:NAME`, `object:FIELD` or `all`), and a location within it."""


def cause_of(contract: Contract, finding: Finding) -> Cause | None:
    """Return the cause that a finding may share with others; None if it cannot share one."""
    operation = contract.operations.get(finding.operation)
    if operation is None:
        return None
    if finding.location.startswith("/"):
        return _schema_at(contract, operation.success.schema or {}, operation.api, finding)
    shared = finding.location.startswith("header:") or finding.check in _OF_HISTORY
    return (WHOLE_API, finding.location) if shared else None


def cause_fingerprint(contract: Contract, finding: Finding) -> str | None:
    """Return the fingerprint that `finding` has if it is merged with others of its cause; None if it cannot be."""
    cause = cause_of(contract, finding)
    return replace(finding, operation=cause[0], location=cause[1]).fingerprint if cause else None


def _schema_at(contract: Contract, schema: Mapping[str, Any], api: str, finding: Finding) -> Cause | None:
    """Return the innermost object that contains a location, and the location within it.

    Many objects have no schema of their own: a user is repeated inline wherever one is shown. They are named after
    the field that contains them.
    """
    tokens = finding.location.split("/")[1:]
    is_about_field = finding.drift_class in _CLASSES_OF_FIELDS
    cause: Cause | None = None
    nodes = [schema]
    for place in range(len(tokens) + 1):
        names, nodes = _unions_expanded(contract, nodes, api)
        last = place == len(tokens)
        rest = "".join(f"/{token}" for token in tokens[place:]) or "/"
        holder = next((token for token in reversed(tokens[:place]) if token != _ARRAY_STEP), "data")
        if len(names) == 1 and not (is_about_field and last):
            cause = f"schema:{names.pop()}", rest
        elif not last and holder != "data":
            cause = f"object:{holder}", rest
        if place < len(tokens):
            nodes = list(_below(nodes, tokens[place]))
    return cause


def _unions_expanded(
    contract: Contract, nodes: list[Mapping[str, Any]], api: str
) -> tuple[set[str], list[Mapping[str, Any]]]:
    """Return the names of the schemas at one location, and the schemas with unions replaced by their branches."""
    names: set[str] = set()
    plain: list[Mapping[str, Any]] = []
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if "$ref" in node:
            names.add(node["$ref"].rpartition("/")[2])
        node = contract.resolve(node, api)
        plain.append(node)
        todo += [*node.get("anyOf", ()), *node.get("oneOf", ())]
    return names, plain


def _below(nodes: list[Mapping[str, Any]], token: str) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        if token == _ARRAY_STEP and "items" in node:
            yield node["items"]
        for name, part in node.get("properties", {}).items():
            if escape_pointer(name) == token:
                yield part
