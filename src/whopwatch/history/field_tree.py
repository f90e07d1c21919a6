"""The documented fields of each success response, as a tree. Undocumented fields are not part of it.

A free-form object (metadata) is a leaf: its keys are data of whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.operation import escape


class FieldNode:
    """One field of a response and its schemas. Variants of a union are one node with the fields of all of them."""

    def __init__(self, contract: Contract, api: str, schemas: tuple[Mapping[str, Any], ...]) -> None:
        self._contract = contract
        self._api = api
        self._variants = tuple(_variants(contract, api, schemas))

    @cached_property
    def nullable(self) -> bool:
        """Whether null is documented."""
        return any(schema.get("type") == "null" for schema in self._variants)

    @cached_property
    def enum_values(self) -> frozenset[str]:
        """The documented values of a string enum; empty for other fields."""
        return frozenset(
            value for schema in self._variants for value in schema.get("enum", ()) if isinstance(value, str)
        )

    @cached_property
    def children(self) -> Mapping[str, tuple[str, FieldNode, bool]]:
        """The documented fields by name: the step of the JSON pointer, the node, and whether it is optional."""
        objects = [schema for schema in self._variants if "properties" in schema]
        names = dict.fromkeys(name for schema in objects for name in schema["properties"])
        return {
            name: (
                f"/{escape(name)}",
                FieldNode(
                    self._contract, self._api, tuple(s["properties"][name] for s in objects if name in s["properties"])
                ),
                not all(name in schema.get("required", ()) for schema in objects),
            )
            for name in names
        }

    @cached_property
    def items(self) -> FieldNode | None:
        """The node of an array's items; None for other fields."""
        items = tuple(schema["items"] for schema in self._variants if "items" in schema)
        return FieldNode(self._contract, self._api, items) if items else None


def _variants(contract: Contract, api: str, schemas: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """Return `schemas` with references resolved and unions replaced by their branches."""
    found: list[Mapping[str, Any]] = []
    for schema in schemas:
        resolved = contract.resolve(schema, api)
        branches = (*resolved.get("anyOf", ()), *resolved.get("oneOf", ()))
        found += _variants(contract, api, branches) if branches else [resolved]
    return found


@lru_cache(maxsize=8)
def field_trees(contract: Contract) -> FieldTrees:
    """Return the trees of `contract`, built once for each contract."""
    return FieldTrees(contract)


class FieldTrees:
    """The tree of each operation's success response, built on first use."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[str, FieldNode] = {}

    @cached_property
    def id_prefixes(self) -> frozenset[str]:
        """Every documented id prefix. These may be stored as they are; others are stored as digests."""
        return frozenset(_id_prefixes(self._contract.documents))

    def root(self, operation: Operation) -> FieldNode:
        """Return the tree of the success response of `operation`."""
        if operation.id not in self._known:
            schema = operation.success.schema or {}
            self._known[operation.id] = FieldNode(self._contract, operation.api, (schema,))
        return self._known[operation.id]


def _id_prefixes(documents: Any) -> set[str]:
    found: set[str] = set()
    todo = [documents]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            found.update(part.get("x-id-prefix", ()))
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return found
