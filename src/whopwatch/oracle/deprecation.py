"""Properties that are documented to go one day: whether they are still there takes several objects to tell."""

from __future__ import annotations

from functools import lru_cache

from whopwatch.contract import Contract

ENOUGH = 5
"""Objects without an optional property that are not taken for chance."""


@lru_cache(maxsize=512)
def deprecated_properties(contract: Contract, id: str) -> tuple[str, ...]:
    """The properties marked `deprecated` of the object that the operation called `id` answers with, or lists."""
    operation = contract.operations[id]
    if operation.success.schema is None:
        return ()
    schema = contract.resolve(operation.success.schema, operation.api)
    if operation.is_list:
        items = contract.resolve(schema["properties"]["data"], operation.api)["items"]
        schema = contract.resolve(items, operation.api)
    properties = schema.get("properties", {})
    return tuple(name for name, part in properties.items() if part.get("deprecated"))
