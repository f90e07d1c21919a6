"""The words that a contract documents: they are nobody's data and stay as they are in an archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.list_behaviour import MATCHES_NOTHING

ERROR_CODES = frozenset({"parameter_missing", "parameter_invalid"})
"""Codes of an error that checks look at."""


@dataclass(frozen=True)
class Vocabulary:
    """`values` are documented constants, `names` those of properties and parameters, `prefixes` those of ids."""

    values: frozenset[str]
    names: frozenset[str]
    prefixes: tuple[str, ...]


@lru_cache(maxsize=8)
def vocabulary_of(contract: Contract) -> Vocabulary:
    """The words of `contract` and of the declared behaviour of lists and errors."""
    values: set[str] = {*ERROR_CODES, *MATCHES_NOTHING.values(), *contract.behaviour.wildcards, "true", "false"}
    values.update(kind for kinds in contract.behaviour.errors.values() for kind in kinds)
    names: set[str] = set()
    prefixes: set[str] = set()
    for node in _objects(contract.documents):
        values.update(text for text in _list(node.get("enum")) if isinstance(text, str))
        prefixes.update(_list(node.get("x-id-prefix")))
        if isinstance(node.get("const"), str):
            values.add(node["const"])
        if isinstance(node.get("properties"), dict):
            names.update(node["properties"])
        if isinstance(node.get("in"), str) and isinstance(node.get("name"), str):
            names.add(node["name"])
    values.update(names)  # an error names the parameter that it is about
    return Vocabulary(frozenset(values), frozenset(names), tuple(sorted(prefixes, key=len, reverse=True)))


def _objects(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        for part in node.values():
            yield from _objects(part)
    elif isinstance(node, list):
        for part in node:
            yield from _objects(part)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
