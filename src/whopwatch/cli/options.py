"""Option types and checks that several commands share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from whopwatch.contract import Contract
from whopwatch.errors import UsageError, did_you_mean


class Names(click.ParamType):
    """`a,b`: names between commas; the option may also be repeated."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """The names, without blanks around them."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in str(value).split(",") if name.strip())
        return names or self.fail("expected one name or more between commas", param, ctx)


def flat(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The names of a repeated option, each once, in their order."""
    return tuple(dict.fromkeys(name for group in groups for name in group))


def refuse_unknown(contract: Contract, operations: Iterable[str], resources: Iterable[str]) -> None:
    """Raise UsageError for an operation or resource that cannot be checked, with a suggestion."""
    for id in operations:
        operation = contract.operation(id)
        if not operation.is_read:
            raise UsageError(
                f"{id} changes data, and `check` only reads.",
                where="option --only",
                expected="operations that are GET requests",
                got=f"{operation.method} {operation.path}",
            )
    for resource in resources:
        if resource not in contract.resources:
            raise UsageError(
                f"There is no resource {resource!r} in the contract.",
                where="option --resource",
                expected="a resource such as products",
                hint=did_you_mean(resource, contract.resources) or "`whopwatch contract coverage` lists them",
            )
