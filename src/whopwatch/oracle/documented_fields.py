"""Fields that an operation documents as expandable (an id, or the object if `expand[]` names it) or as deprecated."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from whopwatch.contract import Contract, Operation

EXPAND = "expand[]"
"""The query parameter that names the fields to expand."""
EXPAND_LOCATION = f"param:{EXPAND}"
"""That parameter as the location of a finding."""
MIN_OBJECTS = 5
"""Objects that must all lack an optional property before it counts as removed: one may lack it by chance."""


def expandable(contract: Contract, operation: Operation) -> tuple[str, ...]:
    """Return the documented expandable fields of what `operation` returns, empty if it has no `expand[]`."""
    parameter = operation.parameter(EXPAND)
    return tuple(map(str, contract.documented_values(operation, parameter))) if parameter else ()


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
    return tuple(name for name, part in properties.items() if isinstance(part, Mapping) and part.get("deprecated"))
