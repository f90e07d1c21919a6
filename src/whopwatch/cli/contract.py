"""`whopwatch contract`: what is promised, and where the promise comes from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.options import CACHE, FOLDER, cache_folder
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli.sync import sync_command, watch_command
from whopwatch.contract import Contract, edition_dir, load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT

if TYPE_CHECKING:
    from whopwatch.contract_build.conflicts import Conflict
    from whopwatch.contract_build.coverage import CoverageRow

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("contract", epilog="Example: whopwatch contract show payments.list")
def contract_command() -> None:
    """Export, verify, show and build the contract, and let it follow the SDK's releases."""


contract_command.add_command(sync_command)
contract_command.add_command(watch_command)


@contract_command.command("export", epilog="Example: whopwatch contract export -o whop.yaml")
@click.option("-o", "--output", default=STDOUT, metavar="FILE", help="Where to; - is stdout, .yaml writes YAML.")
@click.option("--api", type=click.Choice(["v1", "v2"]), default="v1", show_default=True, help="Which version.")
@FOLDER
def export_command(output: str, api: str, folder: Path | None) -> int:
    """Write the contract as one OpenAPI 3.1 document without outside references."""
    outputs = Outputs({"openapi": output}, None, {})
    document = load(folder).documents[api]
    if output.endswith((".yaml", ".yml")):
        import yaml

        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    else:
        text = json.dumps(document, indent=2) + "\n"
    outputs.write({"openapi": text})
    return EXIT_CLEAN


SHOW = """\b
Examples:
  whopwatch contract show                            every operation and event
  whopwatch contract show products.list
  whopwatch contract show webhook:payment.succeeded --json
"""


@contract_command.command("show", epilog=SHOW)
@click.argument("op", required=False)
@JSON
@FOLDER
def show_command(op: str | None, as_json: bool, folder: Path | None) -> int:
    """Show one operation (OP, such as products.list) or event; without OP, list them all by resource."""
    from whopwatch.cli._support.contract_text import describe_event, describe_operation, list_all, table_all

    loaded = load(folder)
    if op is None:
        click.echo(json.dumps(table_all(loaded), indent=2) if as_json else "\n".join(list_all(loaded)))
        return EXIT_CLEAN
    if op.startswith("webhook:") or op in loaded.events:
        event = loaded.event(op.removeprefix("webhook:"))
        raw, lines = loaded.resolve(event.schema), describe_event(loaded, event)
    else:
        operation = loaded.operation(op, where="argument OP")
        raw = {"method": operation.method, "path": operation.shown_path, **operation.raw}
        lines = describe_operation(loaded, operation)
    click.echo(json.dumps(raw, indent=2) if as_json else "\n".join(lines))
    return EXIT_CLEAN


@contract_command.command("verify", epilog="Example: whopwatch contract verify")
@JSON
@FOLDER
def verify_command(as_json: bool, folder: Path | None) -> int:
    """Prove digests, OpenAPI validity, counts, and that no schema keyword goes uninterpreted.

    Ends with 1 where the contract is not what it says it is.
    """
    from whopwatch.contract_build import verify as verifying

    problems = verifying.verify(edition_dir(folder))
    if as_json:
        click.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        for problem in problems:
            click.echo(f"{problem.check}: {problem.what}\n  where: {problem.where}")
        click.echo(f"{len(problems)} problems" if problems else f"The contract is whole: {_counts(load(folder))}.")
    return EXIT_DRIFT if problems else EXIT_CLEAN


@contract_command.command("coverage", epilog="Example: whopwatch contract coverage --json")
@JSON
@FOLDER
def coverage_command(as_json: bool, folder: Path | None) -> int:
    """Show what the API reference names, and what there is for it: contract, simulator, checks, suites, faults, probes.

    Ends with 1 where something documented is missing.
    """
    from whopwatch.cli._support import systems
    from whopwatch.contract_build import coverage as covering

    loaded, place = load(folder), edition_dir(folder)
    rows = covering.coverage(loaded, place)
    found = systems.systems(loaded, place)
    if as_json:
        facts = {row.resource: asdict(row) for row in rows}
        shown = [{"system": one.name, "parts": dict(one.cells), **facts.get(one.name, {})} for one in found]
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo("\n".join((*systems.table(found), "", *_coverage_sums(rows))))
    return EXIT_CLEAN if all(row.is_covered for row in rows) else EXIT_DRIFT


@contract_command.command("conflicts", epilog="Example: whopwatch contract conflicts --all")
@click.option("--all", "show_all", is_flag=True, help="Also list every conflict that exists for many operations.")
@JSON
@FOLDER
def conflicts_command(show_all: bool, as_json: bool, folder: Path | None) -> int:
    """List where the documents disagree with themselves or with the SDKs, and the reading taken."""
    from whopwatch.contract_build import conflicts as disagreeing

    found = disagreeing.conflicts(edition_dir(folder))
    if as_json:
        click.echo(json.dumps([asdict(conflict) for conflict in found], indent=2))
    else:
        click.echo("\n".join(_conflict_lines(found, show_all)))
    return EXIT_CLEAN


@contract_command.command("build", epilog="Example: whopwatch contract build")
@CACHE
@click.option("--python-sdk", type=click.Path(path_type=Path), metavar="FILE", help="The wheel, if it is at hand.")
@click.option("--typescript-sdk", type=click.Path(path_type=Path), metavar="FILE", help="The tarball, if at hand.")
@FOLDER
def build_command(
    cache_dir: Path | None, python_sdk: Path | None, typescript_sdk: Path | None, folder: Path | None
) -> int:
    """Make the contract again, byte for byte, from its declared sources.

    Fetches the two SDK packages with pip and npm, unless they are given, and accepts only the pinned ones.
    """
    from whopwatch.contract_build import build as building

    result = building.build(
        edition_dir(folder),
        cache_dir=cache_folder(cache_dir),
        python_archive=python_sdk,
        typescript_archive=typescript_sdk,
    )
    for file in result.changed:
        click.echo(f"changed  {file}")
    click.echo(f"{len(result.files)} files made, {len(result.changed) or 'none'} changed")
    return EXIT_CLEAN


def _counts(loaded: Contract) -> str:
    versions = Counter(operation.api for operation in loaded.operations.values())
    beside = "".join(f", and {count} in {api}" for api, count in versions.items() if api != "v1")
    resources = {operation.resource for operation in loaded.operations.values() if operation.api == "v1"}
    return f"{versions['v1']} operations of {len(resources)} resources, {len(loaded.events)} webhook events{beside}"


def _coverage_sums(rows: list[CoverageRow]) -> Iterator[str]:
    for row in rows:
        if not row.is_covered:
            lacking, beyond = ", ".join(row.missing), ", ".join(row.extra)
            yield f"{row.resource}: missing {lacking or 'nothing'}, beyond the reference {beyond or 'nothing'}"
    held = sum(row.operations for row in rows)
    documented = sum(row.documented_operations for row in rows)
    events = sum(row.events for row in rows)
    documented_events = sum(row.documented_events for row in rows)
    yield (
        f"{len(rows)} resources: {held} of {documented} documented operations, "
        f"{events} of {documented_events} documented events"
    )


def _conflict_lines(found: list[Conflict], show_all: bool) -> Iterator[str]:
    groups: dict[str, list[Conflict]] = {}
    for conflict in found:
        groups.setdefault(conflict.group or conflict.id, []).append(conflict)
    for group in groups.values():
        for conflict in group if show_all else group[:1]:
            yield conflict.subject
            yield from (f"  {reading.source}: {reading.says}" for reading in conflict.readings)
            yield f"  taken: {conflict.takes}"
            yield f"  because {conflict.why}"
        if len(group) > 1 and not show_all:
            yield f"  ... and {len(group) - 1} more of this kind (--all)"
        yield ""
    yield f"{len(found)} conflicts"
