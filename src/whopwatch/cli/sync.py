"""`whopwatch contract sync` and `whopwatch contract watch`: update a contract to a new SDK release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch import __version__
from whopwatch.cli._support.options import CACHE, EDITION_NAME, cache_folder
from whopwatch.cli._support.outputs import Outputs
from whopwatch.contract import edition_dir
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, UsageError

if TYPE_CHECKING:
    from whopwatch.sync.move import ContractMove
    from whopwatch.sync.watch import ReleaseStatus

JSON_REPORT = click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
MARKDOWN = click.option("--markdown", "markdown_file", metavar="FILE", help="Write Markdown (- for stdout).")
SYNC_EXAMPLE = """\b
Examples:
  whopwatch contract sync sdk:0.0.25 --contracts contracts/2025-01-01
  whopwatch contract sync sdk:newest --output proposed --markdown change.md
"""


@click.command("sync", epilog=SYNC_EXAMPLE)
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
@EDITION_NAME
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

    Lists the changed files, the differences by drift class, the overlay actions and conflicts that no longer apply
    (they are removed), and what you have to decide. Exit code 1: something is left to decide.
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
    moved = move_contract(contracts, version, cache_folder(cache_dir), output or contracts)
    texts = {
        "json": json.dumps(moved.to_json(__version__), indent=2) + "\n",
        "markdown": as_markdown(moved.comparison),
    }
    outputs.write({kind: texts[kind] for kind in outputs.kinds})
    if not outputs.use_stdout:
        _print_move(moved, output or contracts)
    return EXIT_DRIFT if moved.left or moved.undecided else EXIT_CLEAN


@click.command("watch", epilog="Example: whopwatch contract watch --markdown change.md")
@JSON_REPORT
@MARKDOWN
@EDITION_NAME
@CACHE
def watch_command(json_file: str | None, markdown_file: str | None, name: str | None, cache_dir: Path | None) -> int:
    """Check the registry for SDK releases newer than the contract's, and show what the newest would change.

    Exit code 0: no newer release. 1: a newer release. 3: the registry does not respond.
    """
    outputs = Outputs({"json": json_file, "markdown": markdown_file}, None, {})
    from whopwatch.reports.contract_diff import as_markdown
    from whopwatch.sync.watch import release_status

    watched = release_status(edition_dir(name), cache_folder(cache_dir))
    texts = {
        "json": json.dumps(watched.to_json(__version__), indent=2) + "\n",
        "markdown": as_markdown(watched.comparison) if watched.comparison else f"{_newer(watched)}\n",
    }
    outputs.write({kind: texts[kind] for kind in outputs.kinds})
    if not outputs.use_stdout:
        from whopwatch.reports.contract_diff import summary

        click.echo(_newer(watched))
        if watched.comparison:
            click.echo(f"{summary(watched.comparison)}\nsee: whopwatch diff contracts sdk:{watched.newer[-1]}")
    return EXIT_DRIFT if watched.newer else EXIT_CLEAN


def _newer(watched: ReleaseStatus) -> str:
    if not watched.newer:
        return f"The contract is made from the newest release, {watched.current}."
    count = len(watched.newer)
    return f"The contract is made from release {watched.current}; {count} newer, the newest is {watched.newer[-1]}."


def _print_move(moved: ContractMove, target: Path) -> None:
    from whopwatch.cli._support.colors import make_console
    from whopwatch.reports.contract_diff import print_comparison

    print_comparison(moved.comparison, make_console())
    click.echo(f"\n{len(moved.files)} files of {target} changed:")
    click.echo("\n".join(f"  {name}" for name in moved.files))
    for title, lines in (
        ("overlay actions removed: they no longer apply", [f"{it.number}: {it.target}" for it in moved.idle]),
        ("conflicts removed: their operations are gone", list(moved.closed)),
        ("places where the two SDKs disagree; the contract takes Python's reading", list(moved.undecided)),
        ("problems to solve", [f"{problem.where} {problem.what}" for problem in moved.left]),
    ):
        if lines:
            click.echo(f"\n{len(lines)} {title}:")
            click.echo("\n".join(f"  {line}" for line in lines))
