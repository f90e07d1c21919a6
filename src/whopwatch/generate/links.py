"""Derive OpenAPI links from the contract: which response holds an id that another request needs.

The contract does not store links, because `x-resource` says more. Tools such as Schemathesis know links only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.pointers import escape_pointer

FIRST_ITEM = "$response.body#/data/0/id"


def with_links(contract: Contract, given: Mapping[str, str], api: str = "v1") -> dict[str, Any]:
    """Return a copy of the contract's document with links from each list to the reads that take its items' ids.

    `given` holds the required parameters that the run has values for (`company_id`): these need no link.
    """
    document: dict[str, Any] = copy.deepcopy(contract.documents[api])
    for source in contract.lists:
        if source.api == api:
            links = dict(_links(contract, source, given))
            if links:
                success = document["paths"][source.path]["get"]["responses"][str(source.success.status)]
                success["links"] = links
    return document


def _links(contract: Contract, source: Operation, given: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = _listed(contract, source)
    for target in contract.reads:
        needed = [parameter for parameter in _needed(target) if parameter.name not in given]
        if target.api == source.api and len(needed) == 1 and needed[0].resource in listed:
            name = f"{needed[0].location}.{escape_pointer(needed[0].name)}"
            yield target.id, {"operationId": target.id, "parameters": {name: FIRST_ITEM}}


def _listed(contract: Contract, source: Operation) -> frozenset[str]:
    """Return the resources that the `id` of the list's items identifies."""
    items = schemas_of(contract).of(source).fields["data"].items
    variants = items.alternatives if items else ()
    return frozenset().union(*(node.fields["id"].resources for node in variants if "id" in node.fields))


def _needed(operation: Operation) -> list[Parameter]:
    return [parameter for parameter in operation.parameters if parameter.required]
