"""`whopwatch report`: show JSON reports again, or merge several into one."""

from __future__ import annotations

from pathlib import Path

import click

from whopwatch.cli._support.options import (
    ACCEPTED_OPTION,
    CONFIG,
    CONTRACT_WITHOUT_AUTO,
    FAIL_ON_OPTION,
    FILE_PATH,
    REPORT_DIR,
    USAGE_PROFILE,
    report_files,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report
from whopwatch.config.contract_choice import bundled_versions
from whopwatch.core.report import DEFAULT_FAIL_ON, Report, exit_code

EXAMPLE = """\b
Examples:
  whopwatch report reports/drift/2026-01-31/report.json --html night.html
  whopwatch report shard-*/report.json --report-dir reports/all      merge the shards of a night

The same drift at several targets becomes one finding, several nights of one target become one target. The exit code is
that of the worst run: 0 clean, 1 drift, 3 could not check; 2 for a file that is no report.
"""


@click.command("report", epilog=EXAMPLE)
@click.argument("files", nargs=-1, required=True, type=FILE_PATH, metavar="REPORT.json...")
@report_files("json", "markdown", "html", "junit", "sarif")
@FAIL_ON_OPTION
@REPORT_DIR
@ACCEPTED_OPTION
@USAGE_PROFILE
@CONTRACT_WITHOUT_AUTO
@CONFIG
@verbosity
def report_command(
    files: tuple[Path, ...],
    reports: dict[str, str | None],
    fail_on: str,
    report_dir: Path | None,
    accepted: Path | None,
    usage_file: Path | None,
    contract_name: str | None,
    config: Path | None,
) -> int:
    """Show JSON reports again, or merge several into one."""
    from whopwatch.checks.acceptance import accept_in_report
    from whopwatch.config.accepted import load_accepted
    from whopwatch.contract import load
    from whopwatch.history.aggregate import merge_reports
    from whopwatch.reports import FILE_NAMES
    from whopwatch.reports.read import read_report
    from whopwatch.usage.impact import add_impacts, choose_profile

    read = [read_report(file) for file in files]
    outputs = Outputs(reports, report_dir, FILE_NAMES)
    whole = read[0] if len(read) == 1 else merge_reports(read)
    if entries := load_accepted(accepted, config):
        whole = accept_in_report(load(contract_name or _version(whole)), whole, entries)
    is_weighed = any(finding.impact for finding in whole.findings)
    whole = add_impacts(whole, choose_profile(usage_file, config, DEFAULT_FAIL_ON if is_weighed else fail_on))
    output_report(whole, outputs)
    return exit_code(whole, fail_on)


def _version(report: Report) -> str | None:
    """Return the version of the contract that a report was made with; None if it has none, or no bundled one."""
    contract = report.extra.get("contract")
    version = contract.get("version") if isinstance(contract, dict) else None
    return version if version in bundled_versions() else None
