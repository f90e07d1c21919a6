"""`whopwatch report`: what runs have written, shown again or put together."""

from __future__ import annotations

from pathlib import Path

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.options import report_files
from whopwatch.cli.outputs import Outputs

EXAMPLE = """\b
Examples:
  whopwatch report reports/drift/2026-01-31/report.json --html night.html
  whopwatch report shard-*/report.json --report-dir reports/all      the shards of a night as one report

The same drift at several targets is one finding; several nights of one target are one target. Ends as the worst of the
runs did: 0 (clean), 1 (drift), 3 (could not check); 2 for a file that is no report.
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT.json...")
@report_files("json", "markdown", "html", "junit", "sarif")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help="Write every report here.")
def report(
    files: tuple[Path, ...],
    reports: dict[str, str | None],
    report_dir: Path | None,
) -> int:
    """Show reports that were written as JSON; several of them as one."""
    from whopwatch.history.aggregate import merge_reports
    from whopwatch.reports import FILE_NAMES
    from whopwatch.reports.read import read_report

    read = [read_report(file) for file in files]
    outputs = Outputs(reports, report_dir, FILE_NAMES)
    whole = read[0] if len(read) == 1 else merge_reports(read)
    tell(whole, outputs)
    return EXIT_CODES[whole.verdict]
