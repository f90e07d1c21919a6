"""`whopwatch usage`: which operations and fields of the API the user's own code uses."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CONFIG, CONTRACT_WITHOUT_AUTO, FILE_PATH, RATE, TARGET
from whopwatch.cli._support.outputs import write_whole
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, UsageError
from whopwatch.core.wording import and_more, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from whopwatch.usage.profile import Profile
    from whopwatch.usage.recorder import Recorder

EXAMPLE = """\b
Examples:
  whopwatch usage src
  whopwatch usage src recording.har -o usage.json
  whopwatch usage src --run "pytest tests"      executes your command at a simulator
  whopwatch usage src --account --target production -o usage.json
  whopwatch usage src --contract newest -o - | jq -r '.operations[].id'

\b
Exit codes: 0 at least one operation is used, 2 a source does not exist, 3 no use of the API was found, the command of
--run failed, or the log of --account cannot be read.
"""
SHOWN_ROWS = 40
"""Operations and skipped files that are printed; the file has all."""


@click.command("usage", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, type=FILE_PATH, metavar="[SOURCE]...")
@CONTRACT_WITHOUT_AUTO
@click.option(
    "--run",
    "command",
    metavar="COMMAND",
    help="Execute COMMAND, such as your tests, at a simulator, and record what it requests and reads.",
)
@click.option(
    "--account", "is_account", is_flag=True, help="Read the account's own log of requests at --target. Sends GETs only."
)
@click.option(
    "--log-rows",
    type=click.IntRange(1, 1_000_000),
    default=20_000,
    show_default=True,
    metavar="N",
    help="With --account: read at most the N newest rows of the log.",
)
@TARGET
@RATE
@CONFIG
@click.option("-o", "--output", metavar="FILE", help="Write the usage profile to FILE (- for stdout).")
def usage_command(
    sources: tuple[Path, ...],
    contract_name: str | None,
    command: str | None,
    is_account: bool,
    log_rows: int,
    target: str | None,
    rate: float | None,
    config: Path | None,
    output: str | None,
) -> int:
    """List which operations and fields of the API source code and recordings use, and where.

    Each SOURCE is a file or folder: Python, TypeScript, JavaScript, or a HAR recording. The code is read and never
    executed; only the COMMAND of --run is. The profile has no values and no keys. It also says which calls and files
    could not be followed.
    """
    from whopwatch.config.contract_choice import named_contract
    from whopwatch.core.redaction import sanitize
    from whopwatch.usage.command_run import describe_run, record_run, split_command
    from whopwatch.usage.scan import scan

    if not (sources or command or is_account):
        raise UsageError("Nothing to read.", expected="source code, a HAR file, --run COMMAND or --account")
    contract = named_contract(contract_name)
    words = split_command(command) if command else None
    more: list[Callable[[Recorder], object]] = []
    if words:
        click.echo(sanitize(describe_run(words)), err=True)
        more.append(lambda recorder: record_run(words, contract, recorder))
    if is_account:
        more.append(lambda recorder: _read_log(recorder, target, rate, config, log_rows))
    profile = scan(sources, contract, more)
    text = json.dumps(profile.to_json(), indent=2) + "\n"
    if output == "-":
        click.echo(text, nl=False)
    else:
        if output:
            write_whole(Path(output), text, "usage profile")
        _print(profile, output)
    is_failed = any(run["exit_code"] != 0 for run in profile.runs)
    return EXIT_CLEAN if profile.operations and not is_failed else EXIT_COULD_NOT_CHECK


def _read_log(recorder: Recorder, name: str | None, rate: float | None, config: Path | None, max_rows: int) -> None:
    from whopwatch.contract import load
    from whopwatch.run.target import open_target
    from whopwatch.usage.account_log import read_account_log

    newest = load("newest")
    with open_target(newest, name, os.environ, config=config, rate=rate) as target:
        read_account_log(target, newest, recorder, max_rows=max_rows)


def _print(profile: Profile, output: str | None) -> None:
    from whopwatch.core.redaction import sanitize

    coverage = profile.coverage
    for id, use in sorted(profile.operations.items())[:SHOWN_ROWS]:
        seen = "" if use.certainty == "seen" else " (guessed)"
        where = f"{use.places[0]}" + and_more(len(use.places) - 1)
        click.echo(sanitize(f"{id}{seen}: {len(use.fields)} fields and parameters, {where}"))
    if len(profile.operations) > SHOWN_ROWS:
        click.echo(f"and {len(profile.operations) - SHOWN_ROWS} more operations")
    click.echo(
        f"{plural(len(profile.operations), 'operation')} in {plural(coverage.files, 'file')} "
        f"({plural(coverage.lines, 'line')}) and {plural(coverage.recordings, 'recording')}; "
        f"{coverage.calls_followed} of {coverage.calls} calls followed"
    )
    for run in profile.runs:
        ended = "took too long" if run["exit_code"] is None else f"exit code {run['exit_code']}"
        click.echo(sanitize(f"run: {run['command']}: {ended}, {plural(run['requests'], 'request')}"))
    if profile.account:
        log = profile.account
        versions = f", versions {', '.join(log['versions'])}" if log["versions"] else ""
        days = f" from {log['from']} to {log['to']}" if log["from"] else ""
        keys = plural(len(log["keys"]), "key")
        part = f" (only the newest part of the log was read: {log['problem']})" if log.get("problem") else ""
        click.echo(sanitize(f"account log: {plural(log['rows'], 'request')}{days} by {keys}{versions}{part}"))
    for place, reason in coverage.not_followed[:SHOWN_ROWS]:
        click.echo(sanitize(f"  not followed: {place}: {reason}"))
    for file, reason in coverage.skipped[:SHOWN_ROWS]:
        click.echo(sanitize(f"  not read: {file}: {reason}"))
    if output:
        click.echo(f"Written: {output}")
