"""Where in an answer things are looked at: the documented fields of each success response, and nothing else.

A free-form object (metadata) is one place: what its keys are is the business of who wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.operation import escape


class Node:
    """One place of a response and what is documented of it. Variants of a union are one place with all their fields."""

    def __init__(self, contract: Contract, api: str, schemas: tuple[Mapping[str, Any], ...]) -> None:
        self._contract = contract
        self._api = api
        self._variants = tuple(_variants(contract, api, schemas))

    @cached_property
    def nullable(self) -> bool:
        """Whether null is documented."""
        return any(schema.get("type") == "null" for schema in self._variants)

    @cached_property
    def values(self) -> frozenset[str]:
        """The documented values, where there is an enum of texts."""
        return frozenset(value for schema in self._variants for value in schema.get("enum", ()) if _is_text(value))

    @cached_property
    def children(self) -> Mapping[str, tuple[str, Node, bool]]:
        """The documented fields by name: the step of a JSON pointer, the place, and whether it may be absent."""
        objects = [schema for schema in self._variants if "properties" in schema]
        names = dict.fromkeys(name for schema in objects for name in schema["properties"])
        return {
            name: (
                f"/{escape(name)}",
                Node(
                    self._contract, self._api, tuple(s["properties"][name] for s in objects if name in s["properties"])
                ),
                not all(name in schema.get("required", ()) for schema in objects),
            )
            for name in names
        }

    @cached_property
    def items(self) -> Node | None:
        """The place of an array's items."""
        items = tuple(schema["items"] for schema in self._variants if "items" in schema)
        return Node(self._contract, self._api, items) if items else None


def _variants(contract: Contract, api: str, schemas: tuple[Mapping[str, Any], ...]) -> list[Mapping[str, Any]]:
    """The schemas that are no mere union of others."""
    found: list[Mapping[str, Any]] = []
    for schema in schemas:
        plain = contract.resolve(schema, api)
        branches = (*plain.get("anyOf", ()), *plain.get("oneOf", ()))
        found += _variants(contract, api, branches) if branches else [plain]
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@lru_cache(maxsize=8)
def layouts_of(contract: Contract) -> Layouts:
    """The layouts of `contract`, the same ones for everybody who asks."""
    return Layouts(contract)


class Layouts:
    """The layout of each operation's success response, made when it is first needed."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[str, Node] = {}

    @cached_property
    def prefixes(self) -> frozenset[str]:
        """Every id prefix that is documented anywhere: these may be named, others may not."""
        return frozenset(_prefixes(self._contract.documents))

    def of(self, operation: Operation) -> Node:
        """The layout of what `operation` answers on success."""
        if operation.id not in self._known:
            schema = operation.success.schema or {}
            self._known[operation.id] = Node(self._contract, operation.api, (schema,))
        return self._known[operation.id]


def _prefixes(node: Any) -> set[str]:
    found: set[str] = set()
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, Mapping):
            found.update(part.get("x-id-prefix", ()))
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    return found
