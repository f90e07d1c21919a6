"""The contract, as small as probes need it: its reads alone, and each piece of its documents once in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.operation import lookup


def narrowed(contract: Contract) -> Contract:
    """A contract with the GETs of `contract` and what they refer to, identified as the whole one is."""
    shared: dict[Any, Any] = {}
    documents = {api: _share(_reads(document), shared) for api, document in contract.documents.items()}
    return Contract(documents, contract.edition)


def _reads(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: part for name, part in document.items() if name not in ("paths", "webhooks", "components")}
    kept["paths"] = {path: {"get": item["get"]} for path, item in document["paths"].items() if "get" in item}
    kept["components"] = {}
    todo, seen = [kept["paths"]], set()
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                _, _, section, name = reference.split("/")
                part = lookup(document, reference.removeprefix("#"))
                kept["components"].setdefault(section, {})[name] = part
                todo.append(part)
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return kept


def _share(node: Any, shared: dict[Any, Any]) -> Any:
    """`node` with equal parts replaced by one and the same. Documents are only read, so nobody can tell."""
    key: Any
    if isinstance(node, dict):
        node = {_share(name, shared): _share(part, shared) for name, part in node.items()}
        key = (dict, *((name, id(part)) for name, part in node.items()))
    elif isinstance(node, list):
        node = [_share(part, shared) for part in node]
        key = (list, *map(id, node))
    else:
        key = (type(node), node)
    return shared.setdefault(key, node)
