"""Select the operations of a run by operation id, resource or API version."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError, did_you_mean, quoted_input


def select_operations(
    contract: Contract, only: Collection[str] = (), resources: Collection[str] = (), *, prefix: str = "--"
) -> frozenset[str]:
    """Return the ids of the operations in `only` and of all operations of `resources`; all of v1 if both are empty.

    The resource `v2` means every operation of that version, which shares its resources with v1. Raise UsageError for a
    name that is not in the contract; the error names the option with `prefix` (`--whop-` in pytest).
    """
    known = [*contract.resources, *other_versions(contract)]
    for resource in resources:
        if resource not in known:
            raise UsageError(
                f"Unknown resource {resource!r}.",
                where=f"option {prefix}resource",
                expected="a resource such as products",
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


def other_versions(contract: Contract) -> frozenset[str]:
    """Return the API versions of the contract other than v1."""
    return frozenset(operation.api for operation in contract.operations.values()) - {"v1"}


def match_operations(contract: Contract, patterns: Iterable[str], *, where: str) -> frozenset[str]:
    """Return the ids of the operations that match one of `patterns`: an id, or a glob such as `payments.*`.

    Raise UsageError, naming `where` it comes from, for a pattern that matches no operation.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = [id for id in contract.operations if fnmatchcase(id, pattern)]
        if not matches:
            raise UsageError(
                f"No operation matches {quoted_input(pattern)}.",
                where=where,
                expected="an operation such as payments.list, or a pattern such as 'payments.*'",
                hint=did_you_mean(pattern, contract.operations) or "`whopwatch contract show` lists the operations",
            )
        found.update(matches)
    return frozenset(found)


def refuse_writes(contract: Contract, operations: Iterable[str]) -> None:
    """Raise UsageError for a selected write operation in a read-only run."""
    for id in operations:
        operation = contract.operation(id)
        if not operation.is_read:
            raise UsageError(
                f"{id} is a write operation, and this run is read-only.",
                where="option --only",
                expected="operations that are GET requests",
                got=f"{operation.method} {operation.shown_path}",
                hint="add --allow-writes to `whopwatch check` if the target may be written to",
            )
