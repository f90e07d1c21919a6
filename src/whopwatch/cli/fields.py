"""`whopwatch fields`: fields that the user's own code reads and no response had, and enum values it does not handle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONTRACT_WITHOUT_AUTO, FILE_PATH, file_option
from whopwatch.cli._support.outputs import Outputs
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT, UsageError

if TYPE_CHECKING:
    from whopwatch.usage.fields import FieldsReport

EXAMPLE = """\b
Examples:
  whopwatch fields src --baseline reports/baseline.sqlite
  whopwatch fields src --har recording.har
  whopwatch fields src --json - | jq .unhandled

\b
Exit codes: 0 nothing found, 1 a field that no response had or a value without a branch, 2 a file cannot be read, 3 no
use of the API was found.
"""


@click.command("fields", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, required=True, type=FILE_PATH, metavar="SOURCE...")
@CONTRACT_WITHOUT_AUTO
@file_option("--baseline", "Compare with the responses that a drift history saw.")
@file_option("--har", "Compare with the responses in a HAR file.", "har_file")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report to FILE (- for stdout).")
def fields_command(
    sources: tuple[Path, ...],
    contract_name: str | None,
    baseline: Path | None,
    har_file: Path | None,
    json_file: str | None,
) -> int:
    """List fields that your code reads and no response had, and enum values that it does not handle.

    Documented values count as not handled where an if/elif, match or switch compares
    the field with at least two values and has no default. Without --baseline or --har only these are listed.
    """
    outputs = Outputs({"json": json_file}, None, {})
    if baseline and har_file:
        raise UsageError("--baseline and --har exclude each other.", expected="one of the two")
    from whopwatch.config.contract_choice import named_contract
    from whopwatch.har import read
    from whopwatch.history import read_baseline
    from whopwatch.usage.fields import compare_fields, samples_of_recording, samples_of_tallies
    from whopwatch.usage.scan import scan

    contract = named_contract(contract_name)
    # The scan can take a minute: a file that cannot be read ends the command before it.
    archive = read(har_file) if har_file else None
    records = read_baseline(baseline) if baseline else None
    profile = scan(sources, contract)
    samples = samples_of_recording(archive, contract, profile) if archive is not None else None
    if records is not None:
        samples = samples_of_tallies(records.tallies, profile, contract)
    report = compare_fields(profile, contract, samples)
    outputs.write({"json": json.dumps(report.to_json(), indent=2) + "\n"})
    if not outputs.use_stdout:
        _print(report, is_compared=samples is not None)
    if not profile.operations:
        return EXIT_COULD_NOT_CHECK
    return EXIT_DRIFT if report.never_seen or report.unhandled else EXIT_CLEAN


def _print(report: FieldsReport, *, is_compared: bool) -> None:
    from whopwatch.core.redaction import sanitize

    for field in report.never_seen:
        where = ", ".join(field.places)
        click.echo(sanitize(f"{field.operation} {field.location}: in none of {field.samples} samples, read at {where}"))
    for one in report.unhandled:
        click.echo(sanitize(f"{one.operation} {one.location}: {one.place} does not handle {', '.join(one.values)}"))
    fields, places = len(report.never_seen), len(report.unhandled)
    unhandled = f"{places} {'place that does' if places == 1 else 'places that do'} not handle all documented values"
    if is_compared:
        click.echo(f"{fields} {'field' if fields == 1 else 'fields'} that no sample had, {unhandled}")
    else:
        click.echo(f"{unhandled}\nFields were not compared with responses: add --baseline FILE or --har FILE.")
    if report.without_samples:
        click.echo(f"No samples: {', '.join(report.without_samples)}")
