"""Option types and checks that several commands share."""

from __future__ import annotations

from collections.abc import Iterable

import click

from whopwatch.config import RANGE, is_rate
from whopwatch.contract import Contract
from whopwatch.errors import UsageError


def names(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The callback of an option that takes names between commas and may be repeated: each name once, in order."""
    found = [name.strip() for value in values for name in value.split(",")]
    if not all(found):
        raise click.BadParameter("expected names between commas", param=param)
    return tuple(dict.fromkeys(found))


def rate(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """The callback of an option for a number of requests a second; `nan` passes every comparison of click's own."""
    if value is not None and not is_rate(value):
        raise click.BadParameter(f"expected {RANGE}", param=param)
    return value


def refuse_writes(contract: Contract, operations: Iterable[str]) -> None:
    """Raise UsageError for an operation that changes data: it would be asked for in vain."""
    for id in operations:
        operation = contract.operation(id)
        if not operation.is_read:
            raise UsageError(
                f"{id} changes data, and `check` only reads.",
                where="option --only",
                expected="operations that are GET requests",
                got=f"{operation.method} {operation.shown_path}",
                hint="add --allow-writes if the target may be written to",
            )
