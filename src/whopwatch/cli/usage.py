"""`whopwatch usage`: which operations and fields of the API the user's own code uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONTRACT_WITHOUT_AUTO
from whopwatch.cli._support.outputs import write_whole
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK
from whopwatch.reports.text import plural

if TYPE_CHECKING:
    from whopwatch.usage.profile import Profile

EXAMPLE = """\b
Examples:
  whopwatch usage src
  whopwatch usage src recording.har -o usage.json
  whopwatch usage src --contract newest -o - | jq -r '.operations[].id'

\b
Exit codes: 0 at least one operation is used, 2 a source does not exist, 3 no use of the API was found.
"""
SHOWN_ROWS = 40
"""Operations and skipped files that are printed; the file has all."""


@click.command("usage", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
@CONTRACT_WITHOUT_AUTO
@click.option("-o", "--output", metavar="FILE", help="Write the usage profile to FILE (- for stdout).")
def usage_command(sources: tuple[Path, ...], contract_name: str | None, output: str | None) -> int:
    """List which operations and fields of the API source code and recordings use, and where.

    Each SOURCE is a file or folder: Python, TypeScript, JavaScript, or a HAR recording. The code is read and never
    executed. The profile has no values and no keys. It also says which calls and files could not be followed.
    """
    from whopwatch.config.contract_choice import named_contract
    from whopwatch.usage.scan import scan

    profile = scan(sources, named_contract(contract_name))
    text = json.dumps(profile.to_json(), indent=2) + "\n"
    if output == "-":
        click.echo(text, nl=False)
    else:
        if output:
            write_whole(Path(output), text, "usage profile")
        _print(profile, output)
    return EXIT_CLEAN if profile.operations else EXIT_COULD_NOT_CHECK


def _print(profile: Profile, output: str | None) -> None:
    from whopwatch.core.foreign_text import sanitize

    coverage = profile.coverage
    for id, use in sorted(profile.operations.items())[:SHOWN_ROWS]:
        seen = "" if use.certainty == "seen" else " (guessed)"
        where = f"{use.places[0]}" + (f" and {len(use.places) - 1} more" if len(use.places) > 1 else "")
        click.echo(sanitize(f"{id}{seen}: {len(use.fields)} fields and parameters, {where}"))
    if len(profile.operations) > SHOWN_ROWS:
        click.echo(f"and {len(profile.operations) - SHOWN_ROWS} more operations")
    click.echo(
        f"{plural(len(profile.operations), 'operation')} in {plural(coverage.files, 'file')} "
        f"({plural(coverage.lines, 'line')}) and {plural(coverage.recordings, 'recording')}; "
        f"{coverage.calls_followed} of {coverage.calls} calls followed"
    )
    for place, reason in coverage.not_followed[:SHOWN_ROWS]:
        click.echo(sanitize(f"  not followed: {place}: {reason}"))
    for file, reason in coverage.skipped[:SHOWN_ROWS]:
        click.echo(sanitize(f"  not read: {file}: {reason}"))
    if output:
        click.echo(f"Written: {output}")
