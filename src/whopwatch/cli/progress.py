"""A progress bar on stderr, on a terminal only: a pipe, a log and a CI job stay quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from whopwatch.run import Progress as RunProgress


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[RunProgress], None]]:
    """A function that shows how far a run is on `console`; the bar is gone when the context ends."""
    columns = (
        TextColumn("checking"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("operations, {task.fields[sent]} requests"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.description}", markup=True),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, sent=0)

        def show(progress: RunProgress) -> None:
            bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=progress.operation,
                sent=progress.sent,
            )

        yield show
