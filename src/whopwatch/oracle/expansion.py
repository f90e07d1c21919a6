"""Fields that hold an id, and the object itself if the request names them in `expand[]`."""

from __future__ import annotations

from whopwatch.contract import Contract, Operation

EXPAND = "expand[]"
"""The query parameter that names the fields to expand."""
EXPAND_LOCATION = f"param:{EXPAND}"
"""That parameter as the location of a finding."""


def expandable(contract: Contract, operation: Operation) -> tuple[str, ...]:
    """Return the documented expandable fields of what `operation` returns, empty if it has no `expand[]`."""
    parameter = operation.parameter(EXPAND)
    return tuple(map(str, contract.documented_values(operation, parameter))) if parameter else ()
