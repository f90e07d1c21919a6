"""`whopwatch contract sync` and `whopwatch contract watch`: update a contract to a new SDK release."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch import __version__
from whopwatch.cli._support.options import CACHE, CONFIG, CONTRACT_FOLDER, JSON_REPORT, cache_folder
from whopwatch.cli._support.outputs import Outputs
from whopwatch.config.targets_file import SIMULATOR
from whopwatch.contract import edition_dir, load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, TargetError, UsageError

if TYPE_CHECKING:
    from whopwatch.sync.move import ContractMove, LeftToDo
    from whopwatch.sync.watch import ReleaseStatus

MAX_LEFT = 20
"""Decisions that are printed; the JSON report has all."""
MARKDOWN = click.option("--markdown", "markdown_file", metavar="FILE", help="Write Markdown (- for stdout).")
SYNC_EXAMPLE = """\b
Examples:
  whopwatch contract sync sdk:0.0.25 --contracts contracts/2025-01-01
  whopwatch contract sync sdk:newest --output proposed --markdown change.md
"""


@click.command("sync", short_help="Update a contract to an SDK release.", epilog=SYNC_EXAMPLE)
@click.argument("release")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the new contract.  [default: replace the old one]",
)
@JSON_REPORT
@MARKDOWN
@CONTRACT_FOLDER
@CACHE
def sync_command(
    release: str,
    output: Path | None,
    json_file: str | None,
    markdown_file: str | None,
    name: str | None,
    cache_dir: Path | None,
) -> int:
    """Update a contract to RELEASE (sdk:VERSION) as a reviewable change.

    Lists the changed files, the differences by drift class, and the overlay actions and conflicts that no longer apply
    (they are removed). Then verifies the new contract and runs `check` at its own simulator. Exit code 1 if one of the
    two has findings: the output then lists what you have to decide, with the file, the key and an example.
    """
    outputs = Outputs({"json": json_file, "markdown": markdown_file}, None, {})
    from whopwatch.contract_build.releases import named_release
    from whopwatch.reports.contract_diff import as_markdown
    from whopwatch.sync.move import move_contract
    from whopwatch.sync.watch import newest_release

    wanted = named_release(release)
    if wanted is None or wanted.registry != "sdk":
        raise UsageError(
            "A contract can only be updated to a release of the Python SDK.",
            expected="sdk:VERSION, such as sdk:0.0.25 or sdk:newest",
            got=release,
        )
    contracts = edition_dir(name)
    version = newest_release(contracts) if wanted.is_newest else wanted.version
    folder = output or contracts
    moved = move_contract(contracts, version, cache_folder(cache_dir), folder)
    moved = replace(moved, left=(*moved.left, *findings_at_simulator(folder)))
    texts = {
        "json": json.dumps(moved.to_json(__version__), indent=2) + "\n",
        "markdown": as_markdown(moved.comparison),
    }
    outputs.write({kind: texts[kind] for kind in outputs.kinds})
    if not outputs.use_stdout:
        _print_move(moved, folder)
    return EXIT_DRIFT if moved.left else EXIT_CLEAN


def findings_at_simulator(folder: Path) -> Iterator[LeftToDo]:
    """Yield the findings of `check` at the simulator of a contract: a contract that works has none."""
    from whopwatch.run.options import RunOptions, observe_target
    from whopwatch.sync.move import of_finding

    run = observe_target(RunOptions(contract_name=str(folder.resolve())), SIMULATOR, {})
    for finding in run.report().findings:
        yield of_finding(finding, run.contract)


WATCH_EXAMPLE = """\b
Examples:
  whopwatch contract watch --markdown change.md
  whopwatch contract watch --contract newest --target production
"""


@click.command("watch", short_help="List newer SDK releases and API versions.", epilog=WATCH_EXAMPLE)
@click.option("--target", metavar="NAME|URL", help="Also list the newer dated versions that this target supports.")
@JSON_REPORT
@MARKDOWN
@CONTRACT_FOLDER
@CACHE
@CONFIG
def watch_command(
    target: str | None,
    json_file: str | None,
    markdown_file: str | None,
    name: str | None,
    cache_dir: Path | None,
    config: Path | None,
) -> int:
    """List what is newer than the contract: SDK releases and, with --target, dated versions of the API.

    Each of the last 5 releases is one line with its changes by severity. Exit code 0: nothing is newer. 1: a newer
    release or version. 3: the registry or the target does not respond.
    """
    outputs = Outputs({"json": json_file, "markdown": markdown_file}, None, {})
    from whopwatch.reports.contract_diff import as_markdown
    from whopwatch.sync.watch import release_status

    folder = edition_dir(name)
    watched = release_status(folder, cache_folder(cache_dir))
    if target is not None:
        watched = replace(watched, versions=_versions_after(folder, target, config))
    lines = "".join(f"{line}\n" for line in _status_lines(watched))
    listed = "".join(f"- {line}\n" for line in _status_lines(watched))
    texts = {
        "json": json.dumps(watched.to_json(__version__), indent=2) + "\n",
        "markdown": listed + (f"\n{as_markdown(watched.comparison)}" if watched.comparison else ""),
    }
    outputs.write({kind: texts[kind] for kind in outputs.kinds})
    if not outputs.use_stdout:
        click.echo(lines, nl=False)
        if watched.newer:
            click.echo(f"details: whopwatch diff {folder} sdk:{watched.newer[-1]}")
            click.echo(
                "An SDK release has fewer facts than a contract: a diff of two contracts can count more changes."
            )
    return EXIT_CLEAN if watched.is_current else EXIT_DRIFT


def _versions_after(folder: Path, target: str, config: Path | None) -> tuple[str, ...]:
    """Return the versions that a target supports and that are newer than a contract's."""
    from whopwatch.run.target import open_target
    from whopwatch.run.versions import survey_versions
    from whopwatch.sync.watch import versions_after

    contract = load(folder)
    with open_target(contract, target, os.environ, config=config) as ready:
        survey = survey_versions(load("newest"), contract, ready)
    if not survey.supported:
        raise TargetError(
            survey.reason or "The target does not list the versions that it supports.",
            where=f"target {target}",
            hint="run without --target to compare SDK releases only",
        )
    return versions_after(survey.supported, contract.version)


def _status_lines(watched: ReleaseStatus) -> Iterator[str]:
    from whopwatch.reports.contract_changelog import summary

    if not watched.newer:
        yield f"The contract is made from the newest release, {watched.current}."
    else:
        newer = f"{len(watched.newer)} newer, the newest is {watched.newer[-1]}"
        yield f"The contract is made from release {watched.current}; {newer}."
    for step in watched.steps:
        requested = f" (requests {step.api_version})" if step.api_version else ""
        yield f"{summary(step.comparison)}{requested}"
    if watched.comparison and len(watched.newer) > 1:
        yield f"together: {summary(watched.comparison)}"
    for version in watched.versions or ():
        release = watched.release_of(version)
        how = f"`whopwatch contract sync sdk:{release}`" if release else "no read SDK release requests it yet"
        yield f"version {version} is supported and newer: {how}"


def _print_move(moved: ContractMove, target: Path) -> None:
    from whopwatch.cli._support.streams import make_console
    from whopwatch.reports.contract_diff import print_comparison

    print_comparison(moved.comparison, make_console())
    click.echo(f"\n{len(moved.files)} files of {target} changed:")
    click.echo("\n".join(f"  {name}" for name in moved.files))
    for title, lines in (
        ("overlay actions removed: they no longer apply", [f"{it.number}: {it.target}" for it in moved.idle]),
        ("conflicts removed: their operations are gone", list(moved.closed)),
    ):
        if lines:
            click.echo(f"\n{len(lines)} {title}:")
            click.echo("\n".join(f"  {line}" for line in lines))
    if moved.disagreements:
        click.echo(f"\nThe Python and TypeScript SDKs of this version differ in {len(moved.disagreements)} places.")
        click.echo("The contract has what Python says, and the fields that only TypeScript has as optional ones.")
        click.echo("An entry in conflicts.yaml settles a place:")
        lines = [f"  {place.where}: {place.what}" for place in moved.disagreements[:MAX_LEFT]]
        rest = len(moved.disagreements) - len(lines)
        click.echo("\n".join([*lines, *([f"  and {rest} more: see the JSON report"] if rest else [])]))
        click.echo(f"  example  {moved.disagreements[0].example}")
    click.echo()
    print_left(moved.left)


def print_left(left: Sequence[LeftToDo]) -> None:
    """Print what a person has to decide."""
    from whopwatch.core.wording import plural

    if not left:
        click.echo("contract verify: no problems; check at the simulator of the new contract: no findings")
        return
    click.echo(f"Your decision is needed in {plural(len(left), 'place')}:")
    for one in left[:MAX_LEFT]:
        click.echo("\n".join(f"  {line}" for line in one.lines()))
    if len(left) > MAX_LEFT:
        click.echo(f"  and {len(left) - MAX_LEFT} more: see the JSON report")
