"""`whopwatch contract`: show, export, verify and build a contract."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from whopwatch.cli._support.options import CACHE, CONTRACT_FOLDER, EDITION_NAME, JSON, cache_folder, file_option
from whopwatch.cli._support.outputs import STDOUT, Outputs
from whopwatch.cli.sync import findings_at_simulator, print_left, sync_command, watch_command
from whopwatch.contract import Contract, edition_dir, load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_DRIFT, UsageError
from whopwatch.core.wording import plural

if TYPE_CHECKING:
    from whopwatch.contract_build.coverage import Conflict, CoverageRow
    from whopwatch.contract_build.facts_file import Compared as ComparedFact
    from whopwatch.sync.from_openapi import ImportedDocument
    from whopwatch.sync.move import LeftToDo

MAX_NOTES = 10
"""Notes about an imported document that are printed; inferred.yaml has all of them."""


@click.group("contract", epilog="Example: whopwatch contract show payments.list")
def contract_command() -> None:
    """Show, export, verify and build contracts, and update them to new SDK releases."""


contract_command.add_command(sync_command)
contract_command.add_command(watch_command)


EXPORT = """\b
Examples:
  whopwatch contract export -o whop.yaml
  whopwatch contract export --format asyncapi -o whop-webhooks.yaml
  whopwatch contract export -o whop-openapi.json && whopwatch contract export --format arazzo -o whop-journeys.json

\b
Formats:
  openapi      OpenAPI 3.1, everything
  openapi-3.0  OpenAPI 3.0.3; webhooks become x-webhooks, unknown keywords x-json-schema-*
  asyncapi     AsyncAPI 3.0: the webhook events
  arazzo       Arazzo 1.0: create, read, update, act and delete for each resource; needs whop-openapi.json beside it
"""


@contract_command.command("export", short_help="Write the contract as one document.", epilog=EXPORT)
@click.option("-o", "--output", default=STDOUT, metavar="FILE", help="Output file: - for stdout, .yaml for YAML.")
@click.option("--api", type=click.Choice(["v1", "v2"]), default="v1", show_default=True, help="Which API.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["openapi", "openapi-3.0", "asyncapi", "arazzo"]),
    default="openapi",
    show_default=True,
    help="Format of the document.",
)
@EDITION_NAME
def export_command(output: str, api: str, form: str, name: str | None) -> int:
    """Write the contract as one document: OpenAPI 3.1, or the format of another tool."""
    from whopwatch.reports.contract_formats import exported

    if api != "v1" and not form.startswith("openapi"):
        raise UsageError(f"--format {form} is for v1.", where="option --api", expected="v1", got=api)
    outputs = Outputs({"openapi": output}, None, {})
    document = exported(load(name), form, api)
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


@contract_command.command("show", short_help="Show one operation or event, or list all.", epilog=SHOW)
@click.argument("op", required=False)
@JSON
@EDITION_NAME
def show_command(op: str | None, as_json: bool, name: str | None) -> int:
    """Show one operation or event (OP); without OP, list all by resource."""
    from whopwatch.cli._support.contract_text import describe_event, describe_operation, list_all, table_all

    loaded = load(name)
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


VERIFY = """\b
Examples:
  whopwatch contract verify
  whopwatch contract verify --contract newest --facts official-facts.jsonl
"""


@contract_command.command("verify", short_help="Check digests, validity, counts and sources.", epilog=VERIFY)
@JSON
@click.option(
    "--facts",
    "facts_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also compare with facts of the official document, one JSON object a line.",
)
@CONTRACT_FOLDER
def verify_command(as_json: bool, facts_file: Path | None, name: str | None) -> int:
    """Check digests, OpenAPI validity, counts, sources and schema keywords of a contract.

    With --facts, type, required and enum of each fact are compared with the contract: equal, different where the
    contract marks the place as learned or versions differ, or different and unexplained. --json is then an object.

    Exit code 1: the contract has problems, or a difference is unexplained.
    """
    from whopwatch.contract_build import facts_file as official
    from whopwatch.contract_build import verify as verifying
    from whopwatch.contract_build.official import read_superseded

    folder = edition_dir(name)
    facts = list(official.read_facts(facts_file)) if facts_file else None
    problems = verifying.verify(folder)
    compared = None
    if facts is not None:
        compared = official.compare_official(load(name).documents["v1"], facts, read_superseded(folder))
    if as_json:
        listed = [asdict(problem) for problem in problems]
        shown = listed if compared is None else {"problems": listed, "facts": _facts_json(compared)}
        click.echo(json.dumps(shown, indent=2))
    else:
        for problem in problems:
            click.echo(f"{problem.check}: {problem.what}\n  where: {problem.where}")
        counts = "" if problems else f": {_counts(load(name))}"
        click.echo(f"The contract has {plural(len(problems), 'problem')}{counts}.")
        click.echo("".join(f"{line}\n" for line in _facts_lines(compared or [])), nl=False)
    unexplained = any(one.outcome == official.UNEXPLAINED for one in compared or ())
    return EXIT_DRIFT if problems or unexplained else EXIT_CLEAN


def _facts_json(compared: list[ComparedFact]) -> dict[str, Any]:
    """Return the counts, and every aspect that differs."""
    from whopwatch.contract_build.facts_file import EQUAL, counts

    return {"counts": counts(compared), "differences": [asdict(one) for one in compared if one.outcome != EQUAL]}


def _facts_lines(compared: list[ComparedFact]) -> Iterator[str]:
    """Yield each unexplained difference, each place of another version, and a line of counts for each aspect."""
    from whopwatch.contract_build.facts_file import EQUAL, OTHER_VERSION, UNEXPLAINED, counts

    for one in compared:
        if one.outcome == UNEXPLAINED:
            stated, found = (textwrap.shorten(json.dumps(value), 100) for value in (one.stated, one.found))
            yield f"facts: {one.aspect} is {stated} in the file, {found} in the contract\n  where: {one.where}"
    differing = {one.where: one.reason or "The file says so." for one in compared if one.outcome == OTHER_VERSION}
    for where, reason in differing.items():
        yield f"facts: of another version than the contract. {reason}\n  where: {where}"
    for aspect, by_outcome in counts(compared).items() if compared else ():
        total = sum(by_outcome.values())
        share = f" ({by_outcome[EQUAL] / total:.1%})" if total else ""
        others = ", ".join(f"{number} {outcome}" for outcome, number in by_outcome.items() if outcome != EQUAL)
        line = f"Facts, {aspect}: {by_outcome[EQUAL]} of {total} equal{share}; {others}."
        same = total - by_outcome[OTHER_VERSION]
        yield (
            line if same == total else f"{line} Of the contract's own version {by_outcome[EQUAL]} of {same} are equal."
        )


@contract_command.command(
    "coverage",
    short_help="Show what each part covers of each resource.",
    epilog="Example: whopwatch contract coverage --json",
)
@JSON
@CONTRACT_FOLDER
def coverage_command(as_json: bool, name: str | None) -> int:
    """Show for each resource what the contract, simulator, checks, suites, faults and probes cover.

    Also list the operations that the simulator answers in a generic way, as the contract declares nothing of them.

    Exit code 1: something that the API reference documents is missing.
    """
    from whopwatch.cli._support import systems
    from whopwatch.contract_build import coverage as covering
    from whopwatch.simulator.api.actions import generic_operations

    loaded, place = load(name), edition_dir(name)
    rows = covering.coverage(loaded, place)
    found = systems.systems(loaded, place)
    generic = generic_operations(loaded)
    if as_json:
        of_resource: dict[str, dict[str, str]] = {name: {} for name in loaded.resources}
        for id, kind in generic.items():
            of_resource.setdefault(loaded.operations[id].resource, {})[id] = kind
        facts = {row.resource: {**asdict(row), "generic": of_resource.get(row.resource, {})} for row in rows}
        shown = [{"system": one.name, "parts": dict(one.cells), **facts.get(one.name, {})} for one in found]
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo("\n".join((*systems.table(found), "", *_generic_lines(loaded, generic), "", *_coverage_sums(rows))))
    return EXIT_CLEAN if all(row.is_covered for row in rows) else EXIT_DRIFT


@contract_command.command(
    "conflicts", short_help="List where sources disagree.", epilog="Example: whopwatch contract conflicts --all"
)
@click.option("--all", "show_all", is_flag=True, help="Also list every conflict that exists for many operations.")
@JSON
@CONTRACT_FOLDER
def conflicts_command(show_all: bool, as_json: bool, name: str | None) -> int:
    """List where sources disagree, and the reading that the contract takes."""
    from whopwatch.contract_build.coverage import conflicts

    found = conflicts(edition_dir(name))
    if as_json:
        click.echo(json.dumps([asdict(conflict) for conflict in found], indent=2))
    else:
        click.echo("\n".join(_conflict_lines(found, show_all)))
    return EXIT_CLEAN


BUILD = """\b
Examples:
  whopwatch contract build --contract newest
  whopwatch contract build openapi:https://api.whop.com/openapi.json -o contracts/whop
  whopwatch contract build openapi:our-api.yaml sdk:2.6.0 -o contracts/ours
"""


@contract_command.command("build", short_help="Rebuild a contract, or make a new one.", epilog=BUILD)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="New contract.")
@CACHE
@file_option("--python-sdk", "Wheel.  [default: fetch it]")
@file_option("--typescript-sdk", "Tarball.  [default: fetch it]")
@CONTRACT_FOLDER
def build_command(
    sources: tuple[str, ...],
    output: Path | None,
    cache_dir: Path | None,
    python_sdk: Path | None,
    typescript_sdk: Path | None,
    name: str | None,
) -> int:
    """Rebuild a contract from its pinned sources, or make a new one from SOURCE.

    SOURCE is openapi:FILE, openapi:URL, sdk:VERSION (Python, with what TypeScript adds) or npm:VERSION (TypeScript
    alone); an SDK release adds to a document what it does not say. What was inferred and what was not understood is
    listed, also in inferred.yaml. Fetches the SDK packages with pip and npm. Exit code 1: `contract verify` or `check`
    at the simulator of a new contract is not clean.
    """
    from whopwatch.contract_build import build as building
    from whopwatch.contract_build.sources import Sources

    folder = edition_dir(name)
    if sources or output:
        return _build_new(sources, output, folder, cache_folder(cache_dir))
    imported = Sources.read(folder).openapi
    if imported:
        from whopwatch.sync.from_openapi import rebuild_imported

        _print_import(rebuild_imported(folder, imported))
        return EXIT_CLEAN
    result = building.build(
        folder, cache_dir=cache_folder(cache_dir), python_archive=python_sdk, typescript_archive=typescript_sdk
    )
    for file in result.changed:
        click.echo(f"changed  {file}")
    click.echo(f"{len(result.files)} files built, {len(result.changed) or 'none'} changed")
    return EXIT_CLEAN


def _build_new(sources: tuple[str, ...], output: Path | None, folder: Path, cache_dir: Path) -> int:
    """Make a contract from sources in a folder of its own."""
    from whopwatch.contract_build.releases import named_release, resolve_newest
    from whopwatch.contract_build.verify import verify
    from whopwatch.sync.from_openapi import import_openapi
    from whopwatch.sync.move import move_contract, of_problem

    documents = [source.removeprefix("openapi:") for source in sources if source.startswith("openapi:")]
    others = [source for source in sources if not source.startswith("openapi:")]
    releases = [found for found in map(named_release, others) if found]
    if output is None or len(releases) != len(others) or len(releases) > 1 or len(documents) > 1 or not sources:
        raise UsageError(
            "A new contract needs sources and a folder.",
            expected="openapi:FILE or openapi:URL, sdk:VERSION or npm:VERSION, or one of each, and --output DIR",
            got=" ".join((*sources, *(["--output", str(output)] if output else []))),
        )
    left: list[LeftToDo] = []
    with TemporaryDirectory() as scratch:
        made = None
        if releases:
            made = output if not documents else Path(scratch) / "contract"
            release = resolve_newest(releases[0])
            moved = move_contract(folder, release.version, cache_dir, made, registry=release.registry)
            left += moved.left if not documents else ()
        if documents:
            _print_import(import_openapi(documents[0], output, made))
            left += map(of_problem, verify(output))
    left += findings_at_simulator(output)
    print_left(left)
    click.echo(f"The contract is in {output}. Compare it with: whopwatch diff {folder} {output}")
    return EXIT_DRIFT if left else EXIT_CLEAN


def _print_import(imported: ImportedDocument) -> None:
    from whopwatch.sync.from_openapi import counted

    click.echo(f"{imported.operations} operations and {imported.events} events are in {imported.folder}.")
    kinds = [("inferred", imported.inferred), ("not understood", imported.ignored)]
    if imported.only_in_sdk:
        kinds.append(("only in the SDK", imported.only_in_sdk))
    for title, notes in kinds:
        click.echo(f"{len(notes)} {title}" + (", listed in inferred.yaml:" if notes else "."))
        click.echo("".join(f"  {note.operation}: {note.what}\n" for note in notes[:MAX_NOTES]), nl=False)
    for kind, names in imported.unused.items():
        click.echo(f"Components that nothing in the document refers to, {kind}, {counted(names)}")


def _counts(loaded: Contract) -> str:
    versions = Counter(operation.api for operation in loaded.operations.values())
    beside = "".join(f", and {count} in {api}" for api, count in versions.items() if api != "v1")
    resources = {operation.resource for operation in loaded.operations.values() if operation.api == "v1"}
    return f"{versions['v1']} operations of {len(resources)} resources, {len(loaded.events)} webhook events{beside}"


def _generic_lines(loaded: Contract, generic: Mapping[str, str]) -> Iterator[str]:
    """Yield what the simulator does in a generic way: counts, and the actions by name."""
    kinds = Counter(generic.values())
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("list", "read", "create", "update", "delete", "change"))
    declared = len(loaded.operations) - len(generic)
    yield f"Simulator: {declared} operations as simulator.toml declares, {len(generic)} in a generic way: {counts}."
    changes = sorted(id for id, kind in generic.items() if kind == "change")
    if changes:
        yield "Generic changes store the fields of the body, and do nothing else:"
        yield textwrap.fill(", ".join(changes), 110, initial_indent="  ", subsequent_indent="  ")


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
            yield f"  the contract takes: {conflict.takes}"
            yield f"  reason: {conflict.why}"
        if len(group) > 1 and not show_all:
            yield f"  ... and {len(group) - 1} more of this kind (--all)"
        yield ""
    yield f"{len(found)} conflicts"
