"""Option types and checks that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import wraps

import click

from whopwatch.config import RATE_RANGE, is_rate
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError

REPORT_HELP = {
    "json": "Write the JSON report (- for stdout).",
    "junit": "Write JUnit XML (- for stdout).",
    "markdown": "Write Markdown (- for stdout).",
    "html": "Write one self-contained HTML page (- for stdout).",
    "sarif": "Write SARIF 2.1.0 (- for stdout).",
}
"""The kinds of report that a file can be named for, and the help of each one's option."""

SHORTEST, LONGEST = 0.001, 86_400
"""What an interval may be, in seconds."""

Command = Callable[..., int]


def report_files(*kinds: str) -> Callable[[Command], Command]:
    """An option for each kind of report; the command gets `reports`: file name by kind, None where not wanted."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_files(**options: object) -> int:
            return command(reports={kind: options.pop(f"{kind}_file") for kind in kinds}, **options)

        decorated: Command = with_files
        for kind in reversed(kinds):
            decorated = click.option(f"--{kind}", f"{kind}_file", metavar="FILE", help=REPORT_HELP[kind])(decorated)
        return decorated

    return decorate


def names(_: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The callback of an option that takes names between commas and may be repeated: each name once, in order."""
    found = [name.strip() for value in values for name in value.split(",")]
    if not all(found):
        raise click.BadParameter("expected names between commas", param=param)
    return tuple(dict.fromkeys(found))


def rate(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """The callback of an option for a number of requests a second; `nan` passes every comparison of click's own."""
    if value is not None and not is_rate(value):
        raise click.BadParameter(f"expected {RATE_RANGE}", param=param)
    return value


def seconds(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """The callback of an option for an interval, from a millisecond to a day; `nan` fits no range."""
    if value is not None and not SHORTEST <= value <= LONGEST:
        raise click.BadParameter(f"expected seconds from {SHORTEST} to {LONGEST}", param=param)
    return value


def finite(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """The callback of an option for a number within a range of click's own, which lets `nan` and `inf` pass."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("expected a finite number", param=param)
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
