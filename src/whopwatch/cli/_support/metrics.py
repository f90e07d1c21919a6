"""Where the metrics of a command that ends go: the options for it, and the places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from whopwatch.cli._support.options import file_option
from whopwatch.cli._support.outputs import refuse_unwritable_file, write_whole
from whopwatch.core.errors import UsageError, quoted_input
from whopwatch.core.report import Report, Verdict

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

Command = Callable[..., int]
UNWRITABLE = "The metrics cannot be written."


def metrics_options(command: Command) -> Command:
    """Add the options `--textfile` and `--pushgateway`."""
    command = click.option("--pushgateway", metavar="URL", help="Push metrics to this Pushgateway.")(command)
    return file_option("--textfile", "Write metrics to FILE for node_exporter.")(command)


class Metrics:
    """Where the metrics of a run go. `grouping` are the labels that separate it from other runs of its job.

    Raise UsageError for a file or URL that cannot be used, before any request.
    """

    def __init__(self, textfile: Path | None, pushgateway: str | None, grouping: Mapping[str, str]) -> None:
        self._textfile, self._pushgateway, self._grouping = textfile, pushgateway, grouping
        self.wanted = bool(textfile or pushgateway)
        if pushgateway is not None:
            _refuse_no_url(pushgateway)
        if textfile is not None:
            refuse_unwritable_file(textfile, UNWRITABLE)
        if self.wanted:
            import prometheus_client  # noqa: F401  (a missing package is reported before the run, not after it)

    def send(self, job: str, report: Report, registry: CollectorRegistry) -> None:
        """Write and push the metrics of a run of `job`.

        A Pushgateway that does not accept them is a warning: the run has its verdict, which decides the exit code.
        """
        from prometheus_client import generate_latest

        from whopwatch.metrics.runs import push_metrics, push_success

        if self._pushgateway:
            replace_all = report.verdict is not Verdict.COULD_NOT_CHECK
            pushed = push_success(registry, job, self._grouping)
            try:
                push_metrics(registry, self._pushgateway, job, self._grouping, replace_all=replace_all)
            except UsageError as error:
                pushed.set(0)
                click.echo(f"warning: {error}", err=True)
        if self._textfile:
            write_whole(self._textfile, generate_latest(registry).decode(), UNWRITABLE)


def _refuse_no_url(url: str) -> None:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return
    raise UsageError(
        "Invalid Pushgateway URL.", where="option --pushgateway", expected="http://HOST:PORT", got=quoted_input(url)
    )
