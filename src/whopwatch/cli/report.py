"""`whopwatch report`: what runs have written, shown again or put together."""

from __future__ import annotations

from pathlib import Path

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.outputs import Outputs

EXAMPLE = """\b
Examples:
  whopwatch report reports/drift/2026-01-31/report.json --html night.html
  whopwatch report shard-*/report.json --report-dir reports/all      the shards of a night as one report

The same drift at several targets is one finding. Ends as the worst of the runs did: 0 (clean), 1 (drift), 3 (could not
check); 2 for a file that is no report.
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT.json...")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
@click.option("--markdown", "markdown_file", metavar="FILE", help="Write Markdown (- for stdout).")
@click.option("--html", "html_file", metavar="FILE", help="Write one self-contained HTML page (- for stdout).")
@click.option("--junit", "junit_file", metavar="FILE", help="Write JUnit XML (- for stdout).")
@click.option("--sarif", "sarif_file", metavar="FILE", help="Write SARIF 2.1.0 (- for stdout).")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help="Write every report here.")
def report(
    files: tuple[Path, ...],
    json_file: str | None,
    markdown_file: str | None,
    html_file: str | None,
    junit_file: str | None,
    sarif_file: str | None,
    report_dir: Path | None,
) -> int:
    """Show reports that were written as JSON; several of them as one."""
    from whopwatch.memory.several import merged
    from whopwatch.report import FILE_NAMES
    from whopwatch.report.read import read_report

    reports = [read_report(file) for file in files]
    wanted = {"json": json_file, "markdown": markdown_file, "html": html_file, "junit": junit_file, "sarif": sarif_file}
    outputs = Outputs(wanted, report_dir, FILE_NAMES)
    whole = reports[0] if len(reports) == 1 else merged(reports)
    tell(whole, outputs)
    return EXIT_CODES[whole.verdict]
