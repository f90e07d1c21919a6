"""Which operations a run is about."""

from __future__ import annotations

from collections.abc import Collection

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, did_you_mean


def select(
    contract: Contract, only: Collection[str] = (), resources: Collection[str] = (), *, prefix: str = "--"
) -> frozenset[str]:
    """The ids of the operations called `only` and of all operations of `resources`; of v1 where both are empty.

    `v2` among the resources stands for all operations of that version: no resource is theirs alone. Raises UsageError
    for a name the contract does not know; `prefix` is what the options are called there, before `only` and `resource`.
    """
    known = [*contract.resources, *versions(contract)]
    for resource in resources:
        if resource not in known:
            raise UsageError(
                f"There is no resource {resource!r} in the contract.",
                where=f"option {prefix}resource",
                expected="a resource such as products",
                got=repr(resource),
                hint=did_you_mean(resource, known) or "`whopwatch contract show` lists them",
            )
    named = {contract.operation(id, where=f"option {prefix}only").id for id in only}
    return frozenset(
        operation.id
        for operation in contract.operations.values()
        if operation.id in named
        or operation.api in resources
        or (operation.api == "v1" and (operation.resource in resources or not (only or resources)))
    )


def versions(contract: Contract) -> frozenset[str]:
    """The API versions besides v1: `v2`."""
    return frozenset(operation.api for operation in contract.operations.values()) - {"v1"}
