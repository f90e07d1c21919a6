"""`whopwatch faults`: the faults that the simulator can inject."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from whopwatch.cli import completion
from whopwatch.cli._support.options import EDITION_NAME, JSON
from whopwatch.contract import load
from whopwatch.core.drift_classes import class_label, class_number
from whopwatch.core.errors import EXIT_CLEAN, UsageError, quoted_input

if TYPE_CHECKING:
    from rich.console import Console

    from whopwatch.simulator.faults import Fault

EXAMPLE = """\b
Examples:
  whopwatch faults
  whopwatch faults --for payments.list
  whopwatch faults --for accounts.list --contract newest
  whopwatch faults --for webhook:payment.succeeded
  whopwatch faults --json | jq -r '.faults[] | select(.class == "D20") | .name'
  whopwatch simulate --fault item-skipped@payments.list --fault deprecated
"""


@click.command("faults", epilog=EXAMPLE)
@click.option(
    "--for",
    "operation",
    metavar="OP",
    shell_complete=completion.operations,
    help="List only the faults that apply to this operation.",
)
@click.option(
    "--class",
    "drift_class",
    metavar="CLASS",
    shell_complete=completion.classes,
    help="List only the faults of this drift class.",
)
@EDITION_NAME
@JSON
def faults_command(operation: str | None, drift_class: str | None, name: str | None, as_json: bool) -> int:
    """List the faults that `simulate --fault` injects, with drift class and effect."""
    found = _listed(operation, name)
    if drift_class is not None:
        number = class_number(drift_class)
        if number is None:
            raise UsageError(
                f"Unknown drift class {quoted_input(drift_class)}.",
                where="option --class",
                expected="D5 or required-field-removed",
            )
        found = [fault for fault in found if number in fault.classes]
    if as_json:
        click.echo(json.dumps({"faults": [fault.to_json() for fault in found]}, indent=2))
        return EXIT_CLEAN
    from whopwatch.cli._support.streams import make_console

    _show(found, make_console())
    return EXIT_CLEAN


def _listed(operation: str | None, name: str | None) -> list[Fault]:
    from whopwatch.simulator.faults import fault_catalogue, inject, operations_named
    from whopwatch.simulator.world.tables import World

    every = list(fault_catalogue().values())
    if operation is None:
        return every
    contract = load(name)
    wanted, world = operations_named(contract, operation), World(contract)
    return [fault for fault in every if any(inject(contract, world, fault, one) for one in wanted)]


def _show(found: Sequence[Fault], console: Console) -> None:
    """Print one table for each group; in a pipe, print name, class and effect separated by tabs."""
    if not console.is_terminal:
        console.file.writelines(f"{fault.name}\t{fault.drift_class}\t{fault.effect}\n" for fault in found)
        return
    from rich.table import Table

    for group in dict.fromkeys(fault.group for fault in found):
        table = Table(title=group, title_justify="left", title_style="bold", box=None, show_header=False)
        table.add_column(overflow="fold", max_width=34)
        table.add_column(overflow="fold", style="cyan", max_width=27)
        table.add_column(no_wrap=True, style="dim")
        table.add_column()
        for fault in found:
            if fault.group == group:
                table.add_row(fault.name, class_label(fault.drift_class, fault.check or ""), fault.sees, fault.effect)
        console.print(table, "")
    console.print(f"{len(found)} faults. The third column says what kind of run can notice one.", highlight=False)
