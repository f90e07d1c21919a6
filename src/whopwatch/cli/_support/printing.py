"""Print a report, and the progress of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import VERBOSITY
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.streams import make_console
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report

if TYPE_CHECKING:
    from whopwatch.contract import Contract
    from whopwatch.run import Progress as RunProgress


def print_risks(*, contained: bool, release: str | None = None, downloader: str | None = None) -> None:
    """Print to stderr what does not protect the user from a foreign program that is about to start.

    `release` is the name of a release whose packages no lock file pins. `downloader` is the name of a program that
    downloads packages, without known hashes, and runs them.
    """
    if release:
        click.echo(f"{release} has no lock file: its packages are not checked against known hashes (--lock).", err=True)
    if downloader and contained:
        click.echo(f"{downloader} has no network here: install the program first, or use --trust.", err=True)
    elif downloader:
        click.echo(f"{downloader} downloads packages that are not checked against known hashes.", err=True)
    if not contained:
        click.echo("The program runs without containment (--trust): it can read your files and send them.", err=True)


def is_printing(verbosity: str) -> bool:
    """Return whether the running command has this verbosity: `quiet` or `verbose`."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(VERBOSITY) == verbosity


def print_contract(contract: Contract, target: str) -> None:
    """Print to stderr, before a run, what is checked and against which contract."""
    from whopwatch.contract.loader import describe_contract
    from whopwatch.reports.text import contract_words

    if is_printing("quiet"):
        return
    click.echo(
        f"Checking {sanitize(target)} against the contract {contract_words(describe_contract(contract))}.", err=True
    )


def output_report(
    report: Report,
    outputs: Outputs,
    others: Mapping[str, str] = MappingProxyType({}),
    values: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Write the files of `report`, then print it: the files must exist even if the reader of stdout goes away.

    A report whose file cannot be written is printed, too, before the UsageError: a full disk loses no finding.

    `others` are the texts, by kind, of output files that are not renderings of the report. `values` are values of
    responses by fingerprint: only a terminal gets them.
    """
    from whopwatch.reports import render

    texts = {**others, **{kind: render(kind, report) for kind in outputs.kinds - others.keys()}}
    try:
        written = outputs.write(texts)
    except UsageError:
        _print_report(report, outputs, values, ())
        raise
    _print_report(report, outputs, values, written)


def _print_report(
    report: Report, outputs: Outputs, values: Mapping[str, Sequence[str]], written: Sequence[str]
) -> None:
    from whopwatch.reports import terminal

    console = make_console(stderr=outputs.use_stdout)
    if is_printing("quiet"):
        console.print(terminal.verdict_line(report), highlight=False, soft_wrap=True)
        console.file.flush()
        return
    if is_printing("verbose"):
        console.print(terminal.verified_operations(report), highlight=False)
    if console.is_terminal:
        terminal.print_report(report, console, values)
    else:
        console.file.write(terminal.render(report, console.width))
    for file in written:
        console.print(f"Report written: {file}", markup=False, highlight=False, soft_wrap=True)
    console.file.flush()


@contextmanager
def show_progress() -> Iterator[Callable[[RunProgress], None]]:
    """Yield a function that shows the progress of a run on stderr, if that is a terminal; remove it at the end."""
    if not sys.stderr.isatty() or is_printing("quiet"):
        yield lambda progress: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = make_console(stderr=True)
    columns = (
        TextColumn("checking"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("requests, {task.fields[done]} of {task.fields[operations]} operations, at most"),
        TimeRemainingColumn(),
        TextColumn("left"),
        TextColumn("[dim]{task.description}", markup=True),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, done=0, operations=0)

        def show(progress: RunProgress) -> None:
            bar.update(
                task,
                completed=progress.sent,
                total=progress.budget,
                description=progress.operation,
                done=progress.done,
                operations=progress.total,
            )

        yield show
