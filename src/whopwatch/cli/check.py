"""`whopwatch check`: send requests to a target, run every check and print the verdict."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from whopwatch.cli._support.options import (
    ACCEPTED_OPTION,
    DRY_RUN,
    FAIL_ON_SEVERITY,
    FAULT,
    MAX_FAILURES,
    REPORT_DIR,
    SEED,
    TARGET,
    USAGE_PROFILE,
    GroupedCommand,
    file_option,
    report_files,
    run_options,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report, print_contract, show_progress
from whopwatch.core.errors import EXIT_INTERRUPTED, UsageError
from whopwatch.core.report import Report, exit_code
from whopwatch.core.wording import plural
from whopwatch.usage.impact import add_impacts, choose_profile

if TYPE_CHECKING:
    from whopwatch.config.accepted import AcceptedEntry
    from whopwatch.contract import Contract
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
Exit codes: 0 clean, 1 drift, 2 usage or configuration error, 3 could not check, 130 interrupted (Ctrl-C; the report
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


@click.command("check", cls=GroupedCommand, epilog=EXAMPLE)
@TARGET
@run_options()
@click.option("--allow-writes", is_flag=True, help="Also create, update and delete test objects.")
@FAULT
@SEED
@MAX_FAILURES
@DRY_RUN
@FAIL_ON_SEVERITY
@report_files("json", "junit", "markdown", "html", "sarif")
@click.option("--show-values", is_flag=True, help="Show values of responses, which may be personal, on the terminal.")
@click.option("--record", "record_file", metavar="FILE.har", help="Record the run as HAR, without keys and values.")
@file_option("--replay", "Check a HAR file. Sends nothing.", "replay_file", metavar="FILE.har")
@REPORT_DIR
@ACCEPTED_OPTION
@USAGE_PROFILE
@verbosity
def check_command(
    target: str | None,
    options: RunOptions,
    allow_writes: bool,
    faults: tuple[str, ...],
    seed: int,
    max_failures: int | None,
    dry_run: bool,
    fail_on: str,
    reports: dict[str, str | None],
    show_values: bool,
    record_file: str | None,
    replay_file: Path | None,
    report_dir: Path | None,
    accepted: Path | None,
    usage_file: Path | None,
) -> int:
    """Check a target against the contract."""
    from whopwatch.cli._support.telemetry import RunTraces
    from whopwatch.config.accepted import load_accepted
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run import INTERRUPTED
    from whopwatch.run.options import observe_target

    outputs = Outputs({**reports, "har": record_file}, report_dir, FILE_NAMES)
    if show_values and (outputs.use_stdout or not sys.stdout.isatty()):
        raise UsageError("--show-values requires a terminal.", got="a pipe or a file", hint="leave it out")
    adjust = _Adjustments(load_accepted(accepted, options.config), choose_profile(usage_file, options.config, fail_on))
    if replay_file:
        return _replay(options, replay_file, target, outputs, adjust, fail_on)
    options = replace(options, writes=allow_writes, faults=faults, seed=seed, max_failures=max_failures)
    if dry_run:
        return _print_plan(options, target)
    traces = RunTraces()
    with show_progress() as progress:
        options = replace(options, progress=progress, announce=print_contract, observed=traces.note)
        run = observe_target(options, target, os.environ)
    report = run.report()
    files = {}
    if record_file:
        from whopwatch.run.replay import record

        recorded = record(run.contract, run.target, run.observation, report)
        _print_lost_findings(recorded.findings, recorded.kept, recorded.added)
        files["har"] = recorded.har
    report = adjust.apply(run.contract, report)
    output_report(report, outputs, files, run.values() if show_values else {})
    traces.export("check", report)
    return EXIT_INTERRUPTED if run.observation.stopped == INTERRUPTED else exit_code(report, fail_on)


@dataclass(frozen=True)
class _Adjustments:
    """What changes a report before it is printed: the accepted findings, and the usage profile of the user's code."""

    accepted: tuple[AcceptedEntry, ...]
    profile: Profile | None

    def apply(self, contract: Contract, report: Report) -> Report:
        """Return `report` with accepted findings marked and the impact of each finding on the user's code."""
        from whopwatch.checks.acceptance import accept_in_report

        return add_impacts(accept_in_report(contract, report, self.accepted), self.profile)


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
    options: RunOptions, file: Path, target: str | None, outputs: Outputs, adjust: _Adjustments, fail_on: str
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
    contract, report = replay_file(options.contract_name, file, target, options.config)
    report = adjust.apply(contract, report)
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
