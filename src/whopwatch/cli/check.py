"""`whopwatch check`: send requests to a target, run every check and print the verdict."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from whopwatch.checks.acceptance import accept_in_report
from whopwatch.cli import completion
from whopwatch.cli._support.options import (
    ACCEPTED_OPTION,
    ALLOW_UNCHECKED,
    API_VERSION,
    BUDGET,
    CONCURRENCY,
    CONFIG,
    CONTRACT,
    DRY_RUN,
    EXCLUDE,
    FAIL_ON_SEVERITY,
    FILE_PATH,
    MAX_FAILURES,
    MAX_TIME,
    ONLY,
    OPERATION,
    RATE,
    REPORT_DIR,
    RESOURCE,
    SEED,
    TARGET,
    THOROUGH,
    USAGE_PROFILE,
    report_files,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report, print_contract, show_progress
from whopwatch.cli._support.telemetry import RunTraces
from whopwatch.config.accepted import AcceptedEntry, load_accepted
from whopwatch.core.errors import EXIT_INTERRUPTED, UsageError
from whopwatch.core.exit_codes import exit_code
from whopwatch.core.report import Report
from whopwatch.reports.text import plural
from whopwatch.usage.impact import choose_profile, weigh_report

if TYPE_CHECKING:
    from whopwatch.run.options import RunOptions
    from whopwatch.usage.profile import Profile

EXAMPLE = """\b
Examples:
  whopwatch check
  whopwatch check --target sandbox --resource products,plans
  whopwatch check --only products.list --json - | jq .verdict
  whopwatch check --target production --budget 120 --report-dir reports
  whopwatch check --target sandbox --record night.har --html night.html
  whopwatch check --operation 'payments.*' --exclude '*.list_fees'
  whopwatch check --fault field-missing@products.list      a red report, from the simulator
  whopwatch check --replay browser.har
  whopwatch check --allow-writes --resource products

\b
Environment:
  WHOP_API_KEY           API key, for every target except the simulator
  WHOP_COMPANY_ID        company to check (biz_...)
  WHOP_BASE_URL          target, if --target is not given
  WHOP_API_VERSION_DATE  API version to request (2025-01-01)

The run sends only GET requests, unless you add --allow-writes, which production rejects.
Exit codes: 0 passed, 1 drift, 2 usage or configuration error, 3 could not check, 130 interrupted (Ctrl-C; the report
covers what was seen). A run that ended early, or did not reach all operations, never ends with 0.
"""

NOT_WITH_REPLAY = (
    "thorough",
    "max_failures",
    "dry_run",
    "only",
    "resource",
    "patterns",
    "exclude",
    "faults",
    "allow_writes",
    "budget",
    "rate",
    "max_time",
    "concurrency",
    "seed",
    "record_file",
)
MAX_PATHS = 20
"""Unmatched paths of a recording that are printed; the JSON report has them all."""


@click.command("check", epilog=EXAMPLE)
@TARGET
@ONLY
@RESOURCE
@OPERATION
@EXCLUDE
@click.option("--allow-writes", is_flag=True, help="Also create, update and delete test objects.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    shell_complete=completion.faults,
    metavar="NAME[@OP]",
    help="Inject a fault into the simulator.",
)
@BUDGET
@RATE
@MAX_TIME
@CONCURRENCY
@SEED
@CONTRACT
@API_VERSION
@MAX_FAILURES
@DRY_RUN
@THOROUGH
@ALLOW_UNCHECKED
@FAIL_ON_SEVERITY
@report_files("json", "junit", "markdown", "html", "sarif")
@click.option("--show-values", is_flag=True, help="Show values of responses, which may be personal, on the terminal.")
@click.option("--record", "record_file", metavar="FILE.har", help="Record the run as HAR, without keys and values.")
@click.option("--replay", "replay_file", type=FILE_PATH, metavar="FILE.har", help="Check a HAR file. Sends nothing.")
@REPORT_DIR
@ACCEPTED_OPTION
@USAGE_PROFILE
@CONFIG
@verbosity
def check_command(
    target: str | None,
    only: tuple[str, ...],
    resource: tuple[str, ...],
    patterns: tuple[str, ...],
    exclude: tuple[str, ...],
    allow_writes: bool,
    faults: tuple[str, ...],
    budget: int | str | None,
    rate: float | None,
    max_time: float | None,
    concurrency: int | None,
    max_failures: int | None,
    dry_run: bool,
    seed: int,
    contract_name: str | None,
    api_version: str | None,
    allow_unchecked: bool,
    thorough: bool,
    fail_on: str,
    reports: dict[str, str | None],
    show_values: bool,
    record_file: str | None,
    replay_file: Path | None,
    report_dir: Path | None,
    accepted: Path | None,
    usage_file: Path | None,
    config: Path | None,
) -> int:
    """Check a target against the contract."""
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run import INTERRUPTED
    from whopwatch.run.options import RunOptions, observe_target
    from whopwatch.run.replay import record

    outputs = Outputs({**reports, "har": record_file}, report_dir, FILE_NAMES)
    if show_values and (outputs.use_stdout or not sys.stdout.isatty()):
        raise UsageError("--show-values requires a terminal.", got="a pipe or a file", hint="leave it out")
    entries = load_accepted(accepted, config)
    profile = choose_profile(usage_file, config, fail_on)
    if replay_file:
        return _replay(contract_name, replay_file, target, config, outputs, entries, fail_on, profile)
    traces = RunTraces()
    with show_progress() if not dry_run else nullcontext() as progress:
        options = RunOptions(
            contract_name=contract_name,
            api_version=api_version,
            only=only,
            resources=resource,
            patterns=patterns,
            exclude=exclude,
            faults=faults,
            budget=budget,
            rate=rate,
            max_seconds=max_time,
            concurrency=concurrency,
            max_failures=max_failures,
            seed=seed,
            config=config,
            writes=allow_writes,
            allow_unchecked=allow_unchecked,
            thorough=thorough,
            progress=progress,
            announce=print_contract,
            observed=traces.note,
        )
        if dry_run:
            return _print_plan(options, target)
        run = observe_target(options, target, os.environ)
    report = run.report()
    files = {}
    if record_file:
        recorded = record(run.contract, run.target, run.observation, report)
        _print_lost_findings(recorded.findings, recorded.kept, recorded.added)
        files["har"] = recorded.har
    report = weigh_report(accept_in_report(run.contract, report, entries), profile)
    output_report(report, outputs, files, run.values() if show_values else {})
    traces.export("check", report)
    return EXIT_INTERRUPTED if run.observation.stopped == INTERRUPTED else exit_code(report, fail_on)


def _print_plan(options: RunOptions, target: str | None) -> int:
    """Print the requests that the plan sends to the embedded simulator in place of the target."""
    from whopwatch.run.options import plan_requests

    plan = plan_requests(options, target, os.environ)
    for request in plan.requests:
        click.echo(request)
    pace = f", at least {plan.sent / plan.rate:.0f} s at {plan.rate:g} a second" if plan.rate else ""
    click.echo(
        f"Nothing was sent to {plan.target}. {plan.sent} of at most {plan.budget} requests{pace}. Ids and values come "
        "from responses, here from those of the simulator: a real run may differ.",
        err=True,
    )
    return 0


def _replay(
    contract_name: str | None,
    file: Path,
    target: str | None,
    config: Path | None,
    outputs: Outputs,
    entries: tuple[AcceptedEntry, ...],
    fail_on: str,
    profile: Profile | None,
) -> int:
    from whopwatch.run.replay import replay_file

    context = click.get_current_context()
    source = context.get_parameter_source
    given = [
        param.opts[0]
        for param in context.command.params
        if param.name in NOT_WITH_REPLAY and source(param.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(
            f"{given[0]} cannot be combined with --replay.",
            expected="--replay with --target, --config and output options only",
        )
    contract, report = replay_file(contract_name, file, target, config)
    report = weigh_report(accept_in_report(contract, report, entries), profile)
    output_report(report, outputs)
    _print_unchecked_entries(report)
    return exit_code(report, fail_on)


def _print_lost_findings(findings: int, kept: int, added: int) -> None:
    if (kept, added) != (findings, 0):
        more = f" and {added} that the run did not have" if added else ""
        click.echo(f"Recording: without response values it shows {kept} of {findings} findings{more}.", err=True)


def _print_unchecked_entries(report: Report) -> None:
    """Print to stderr which requests of a recording were not checked, and why."""
    content = report.extra["replay"]
    click.echo(f"Recording: checked {content['checked']} of {content['entries']} requests.", err=True)
    for part in report.extra.get("recorded_versions", ()):
        requested = f"version {part['requested']}" if part["requested"] else "no version requested"
        click.echo(f"  {requested}: {plural(part['entries'], 'request')}, contract {part['contract']}", err=True)
    for reason, count in content["ignored"].items():
        click.echo(f"  ignored: {count} x {reason}", err=True)
    unmatched = list(content["unmatched"].items())
    for path, count in unmatched[:MAX_PATHS]:
        click.echo(f"  no operation matches: {count} x {path}", err=True)
    if len(unmatched) > MAX_PATHS:
        click.echo(f"  and {len(unmatched) - MAX_PATHS} more; see the JSON report", err=True)
