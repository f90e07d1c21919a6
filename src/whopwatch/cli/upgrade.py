"""`whopwatch upgrade`: what the user's own code needs to move to another version of the API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from whopwatch.cli._support.options import FILE_PATH, file_option
from whopwatch.cli._support.outputs import write_whole
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, UsageError

EXAMPLE = """\b
Examples:
  whopwatch upgrade --from 2025-01-01 --to 2026-10-15-1 --code src
  whopwatch upgrade --from 2025-01-01 --code src --format markdown -o UPGRADE.md
  whopwatch upgrade --from 2025-01-01 --next --code src
  whopwatch upgrade --from 2025-01-01 --code src --run "pytest tests"     executes your command
  whopwatch upgrade --from 2025-01-01 --usage usage.json --format sarif -o upgrade.sarif

\b
Exit codes: 0 no change hits the code, 1 at least one does, 2 a version, the code or the profile cannot be read.
"""


@click.command("upgrade", epilog=EXAMPLE)
@click.option("--from", "old", required=True, metavar="VERSION|DIR", help="Version that your code uses now.")
@click.option("--to", "new", show_default="newest", metavar="VERSION|DIR", help="Version to move to.")
@click.option("--next", "is_next", is_flag=True, help="Move to the next newer version with a bundled contract.")
@click.option("--code", "sources", multiple=True, type=FILE_PATH, metavar="SOURCE", help="Your code; repeatable.")
@file_option("--usage", "Usage profile, in place of --code.", "usage_file")
@click.option(
    "--run",
    "command",
    metavar="COMMAND",
    help="Execute COMMAND, such as your tests, at simulators of both versions, also with the suggested edits.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "html", "sarif", "json"]),
    default="text",
    show_default=True,
    help="Format of the worklist.",
)
@click.option("-o", "--output", metavar="FILE", help="Write the worklist to FILE.  [default: stdout]")
def upgrade_command(
    old: str,
    new: str | None,
    is_next: bool,
    sources: tuple[Path, ...],
    usage_file: Path | None,
    command: str | None,
    form: str,
    output: str | None,
) -> int:
    """List the changes between two API versions that hit your code, with suggested edits.

    Each change has the places in your code, the old and the new form, and a new name, if it is a rename. An edit is
    suggested where a line names the renamed field or operation once. No file is changed: with --run the edits are made
    in a copy of the working folder.
    """
    if bool(sources) == bool(usage_file):
        raise UsageError("Name your code with --code, or a profile of it with --usage.", expected="one of the two")
    if new and is_next:
        raise UsageError("--to and --next exclude each other.", expected="one of the two")
    from whopwatch.contract import edition_dir, load
    from whopwatch.contract.loader import NEWEST
    from whopwatch.core.redaction import sanitize
    from whopwatch.diff.result import compare_contracts
    from whopwatch.usage.command_run import describe_run, split_command
    from whopwatch.usage.profile import read_profile
    from whopwatch.usage.scan import scan
    from whopwatch.usage.upgrade import plan_upgrade
    from whopwatch.usage.upgrade_run import run_before_and_after
    from whopwatch.usage.worklist import FORMATS, count_tasks

    newer = _next_version(old) if is_next else new or NEWEST
    words = split_command(command) if command else None
    contracts = load(edition_dir(old)), load(edition_dir(newer))
    profile = read_profile(usage_file) if usage_file else scan(sources, contracts[0])
    names = contracts[0].version or old, contracts[1].version or newer
    comparison = replace(compare_contracts(*contracts), old=names[0], new=names[1])
    worklist = plan_upgrade(comparison, profile, contracts)
    if words:
        click.echo(sanitize(describe_run(words)), err=True)
        runs = run_before_and_after(words, *contracts, sources, worklist.edited)
        worklist = replace(worklist, runs=runs)
    text = FORMATS[form](worklist)
    if output and output != "-":
        write_whole(Path(output), text, "worklist")
        click.echo(f"{count_tasks(worklist)}\nWritten: {output}")
    else:
        click.echo(text, nl=False)
    return EXIT_DRIFT if worklist.hits else EXIT_CLEAN


def _next_version(old: str) -> str:
    """Return the next newer version that has a bundled contract, and name on stderr the known ones before it.

    Raise UsageError if there is none.
    """
    from whopwatch.config.contract_choice import bundled_versions
    from whopwatch.contract import edition_dir, load
    from whopwatch.contract.loader import newer_versions

    version = load(edition_dir(old)).version
    known, bundled = newer_versions(version), set(bundled_versions())
    found = next((one for one in known if one in bundled), None)
    if found is None:
        raise UsageError(
            f"No bundled contract is newer than {version or old}.",
            where="option --next",
            hint="build one with whopwatch contract build, then name its folder with --to",
        )
    without = known[: known.index(found)]
    if without:
        click.echo(f"Without a bundled contract: {', '.join(without)}. The next one is {found}.", err=True)
    return found
