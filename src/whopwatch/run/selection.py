"""Which operations a run is about."""

from __future__ import annotations

from collections.abc import Collection

from whopwatch.contract import Contract
from whopwatch.errors import UsageError, did_you_mean


def select(contract: Contract, only: Collection[str] = (), resources: Collection[str] = ()) -> frozenset[str]:
    """The ids of the operations called `only` and of all operations of `resources`; of v1 where both are empty.

    Raises UsageError for a name the contract does not know.
    """
    for resource in resources:
        if resource not in contract.resources:
            raise UsageError(
                f"There is no resource {resource!r} in the contract.",
                expected="a resource such as products",
                got=repr(resource),
                hint=did_you_mean(resource, contract.resources) or "`whopwatch contract show` lists them",
            )
    named = {contract.operation(id).id for id in only}
    return frozenset(
        operation.id
        for operation in contract.operations.values()
        if operation.id in named
        or (operation.api == "v1" and (operation.resource in resources or not (only or resources)))
    )
