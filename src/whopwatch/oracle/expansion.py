"""Fields that are ids until a request asks for the objects in their place (`expand[]`)."""

from __future__ import annotations

from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import documented_values

EXPAND = "expand[]"
"""The parameter that names them."""


def expandable(contract: Contract, operation: Operation) -> tuple[str, ...]:
    """The fields of what an operation answers with that can be expanded, as the contract documents them."""
    parameter = operation.parameter(EXPAND)
    return tuple(map(str, documented_values(contract, operation, parameter))) if parameter else ()
