"""`whopwatch accept`: add findings to the file of accepted findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import click

from whopwatch.cli._support.options import CONFIG, NIGHTLY_REPORTS, file_option, newest_report
from whopwatch.cli._support.outputs import write_whole
from whopwatch.config.accepted import AcceptedEntry, find_accepted_file, with_entries
from whopwatch.core.errors import EXIT_CLEAN, UsageError
from whopwatch.core.report import Report

EXAMPLE = """\b
Examples:
  whopwatch accept 561f51b9cbdf --reason "beta field, agreed with support" --issue https://tracker.example/42
  whopwatch accept 561f51b9cbdf 99dbf551f4a9 --reason "fixed in June" --until 2027-06-30
  whopwatch accept --all-current --reason "known on day one"
  whopwatch accept 561f51b9cbdf --report check.json --reason "..."

An accepted finding stays in every report and does not affect the exit code of check, drift, report, probe and pytest.
It counts again from the day after --until, and if it gets worse. An entry that has expired or matches no finding is a
warning. Accepting a finding again replaces its entry. A fingerprint that no report here shows is accepted, with a
warning; --report FILE adds its class, operation and location.
"""


@click.command("accept", epilog=EXAMPLE)
@click.argument("fingerprints", nargs=-1, metavar="[FINGERPRINT]...")
@click.option("--all-current", is_flag=True, help="Accept every open finding of the report.")
@click.option("--reason", required=True, help="Why no action is needed.")
@click.option("--issue", default="", metavar="URL", help="Ticket about it: a URL, name or number.")
@click.option(
    "--until", type=click.DateTime(formats=["%Y-%m-%d"]), metavar="DATE", help="Last day (UTC).  [default: no end]"
)
@file_option("--report", f"JSON report with the findings.  [default: the newest in {NIGHTLY_REPORTS}]", "report_file")
@file_option("--accepted", "File to write.  [default: accepted.yaml beside whopwatch.toml, or here]")
@CONFIG
def accept_command(
    fingerprints: tuple[str, ...],
    all_current: bool,
    reason: str,
    issue: str,
    until: datetime | None,
    report_file: Path | None,
    accepted: Path | None,
    config: Path | None,
) -> int:
    """Accept findings, so that they no longer affect the exit code."""
    expires = until.date() if until else None
    _check_usage(fingerprints, all_current, reason, expires)
    file = report_file or newest_report()
    if file is None and all_current:
        raise UsageError(
            "There is no report with current findings.",
            where="option --all-current",
            expected="a report of `whopwatch drift`, or --report with the JSON report of any command",
        )
    current = dict(_entries(_read(file), reason, issue, expires)) if file else {}
    if all_current:
        entries = [entry for entry, is_open in current.values() if is_open]
    else:
        found = {one: current[one][0] if one in current else None for one in fingerprints}
        entries = [entry or AcceptedEntry(one, reason, issue, expires) for one, entry in found.items()]
    path = accepted or find_accepted_file(config)
    text = path.read_text(encoding="utf-8") if path.exists() else None
    write_whole(path, with_entries(text, entries, path), "The file of accepted findings cannot be written.")
    for entry in entries:
        where = f" {entry.operation} {entry.location}" if entry.fingerprint in current else ""
        click.echo(f"accepted: {entry.fingerprint}{where}{f', until {expires}' if expires else ''}")
        if entry.fingerprint not in current:
            click.echo(f"Warning: no report here shows {entry.fingerprint}. --report FILE adds its details.", err=True)
    click.echo(f"{len(entries)} added to {path}")
    return EXIT_CLEAN


def _check_usage(fingerprints: tuple[str, ...], all_current: bool, reason: str, expires: date | None) -> None:
    if bool(fingerprints) is all_current:
        raise UsageError("Name findings by fingerprint, or use --all-current.", expected="one of the two")
    for one in fingerprints:
        if len(one) != 12 or not set(one) <= set("0123456789abcdef"):
            raise UsageError(f"Invalid fingerprint {one!r}.", expected="12 hex digits, as every report shows them")
    if not reason.strip():
        raise UsageError("The reason is empty.", where="option --reason", expected="why no action is needed")
    if expires and expires < datetime.now(UTC).date():
        raise UsageError(
            "The date is in the past.", where="option --until", expected="today or later", got=f"{expires}"
        )


def _read(file: Path) -> Report:
    from whopwatch.reports.read import read_report

    return read_report(file)


def _entries(
    report: Report, reason: str, issue: str, expires: date | None
) -> Iterator[tuple[str, tuple[AcceptedEntry, bool]]]:
    """Yield for each finding, and each place of a merged one: the fingerprint, its entry, and whether it is open."""
    for finding in report.findings:
        rest = reason, issue, expires, finding.drift_class
        for place in finding.places:
            yield place.fingerprint, (AcceptedEntry(place.fingerprint, *rest, place.operation, place.location), False)
        entry = AcceptedEntry(finding.fingerprint, *rest, finding.operation, finding.location)
        yield finding.fingerprint, (entry, finding.breaks)
