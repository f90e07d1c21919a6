"""Properties that the contract marks as deprecated: several objects show whether they are still there."""

from __future__ import annotations

from functools import lru_cache

from whopwatch.contract import Contract

MIN_OBJECTS = 5
"""Objects that must all lack an optional property before it counts as removed: one may lack it by chance."""


@lru_cache(maxsize=512)
def deprecated_properties(contract: Contract, id: str) -> tuple[str, ...]:
    """Return the properties marked `deprecated` of the object that operation `id` returns or lists."""
    operation = contract.operations[id]
    if operation.success.schema is None:
        return ()
    schema = contract.resolve(operation.success.schema, operation.api)
    if operation.is_list:
        items = contract.resolve(schema["properties"]["data"], operation.api)["items"]
        schema = contract.resolve(items, operation.api)
    properties = schema.get("properties", {})
    return tuple(name for name, part in properties.items() if part.get("deprecated"))
