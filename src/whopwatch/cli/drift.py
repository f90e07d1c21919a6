"""`whopwatch drift`: the nightly run, a check that is compared with the nights before."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whopwatch.cli._support.metrics import Metrics, metrics_options
from whopwatch.cli._support.options import (
    ACCEPTED_OPTION,
    FAIL_ON_OPTION,
    NIGHTLY_REPORTS,
    REPORTS,
    TARGET,
    USAGE_PROFILE,
    GroupedCommand,
    file_option,
    make_reports_folder,
    max_time,
    report_files,
    run_options,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report, print_contract, show_progress
from whopwatch.cli._support.telemetry import RunTraces
from whopwatch.config.accepted import load_accepted
from whopwatch.config.contract_choice import AUTO, ContractChoice, named_contract
from whopwatch.config.shard import Shard
from whopwatch.config.targets_file import Company, read_companies
from whopwatch.contract import Contract
from whopwatch.contract.loader import describe_contract
from whopwatch.core.errors import EXIT_INTERRUPTED, UsageError, WhopwatchError
from whopwatch.core.report import Report, exit_code

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from whopwatch.history.nightly import NightOutcome, NightSettings
    from whopwatch.run.options import RunOptions

NIGHT_SECONDS = 2400.0
"""The default of --max-time: less than what the shipped unit, job and workflow allow (45 to 60 minutes)."""
DEFAULT_BASELINE = REPORTS / "baseline.sqlite"
EXAMPLE = """\b
Examples:
  whopwatch drift --target production
  whopwatch drift --target production --baseline state/acme.sqlite --textfile /var/lib/node_exporter/whopwatch.prom
  whopwatch drift --targets companies.toml --shard 0/4

\b
The file of --targets (TOML) has one table for each company:
  [[companies]]
  name = "acme"
  target = "production"
  api_key_env = "ACME_API_KEY"
  company_id = "biz_..."
  baseline = "state/acme.sqlite"

The run sends only GET requests. Exit codes: 0 clean, 1 drift, 2 usage or configuration error, 3 could not check.
Accepted and fixed findings do not affect the exit code. Findings that were not rechecked still do.
"""


_MAX_TIME = max_time("Stop each target after S seconds and record what was seen.", NIGHT_SECONDS)
_REPORT_DIR = file_option(
    "--report-dir", f"Folder of the reports.  [default: {NIGHTLY_REPORTS}/<UTC date>]", metavar="DIR"
)


@click.command("drift", cls=GroupedCommand, epilog=EXAMPLE)
@TARGET
@file_option("--targets", "Check every company in FILE.")
@click.option("--shard", metavar="I/N", help="With --targets: check every Nth company, starting at I (0 to N-1).")
@file_option("--baseline", f"Drift history.  [default: {DEFAULT_BASELINE}]")
@ACCEPTED_OPTION
@run_options(_MAX_TIME)
@click.option("--seed", type=int, help="Seed of the plan and of the simulator.  [default: another plan each night]")
@FAIL_ON_OPTION
@report_files("json", "junit", "markdown", "html", "sarif")
@_REPORT_DIR
@metrics_options
@USAGE_PROFILE
@verbosity
def drift_command(
    target: str | None,
    targets: Path | None,
    shard: str | None,
    baseline: Path | None,
    accepted: Path | None,
    options: RunOptions,
    seed: int | None,
    fail_on: str,
    reports: dict[str, str | None],
    report_dir: Path | None,
    textfile: Path | None,
    pushgateway: str | None,
    usage_file: Path | None,
) -> int:
    """Check a target and report what changed since the nights before."""
    from whopwatch.history.nightly import NightSettings, last_common_success
    from whopwatch.history.store import check_writable_path
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run.target import check_target
    from whopwatch.usage.impact import add_impacts, choose_profile

    _check_usage(target, targets, shard, baseline)
    metrics = Metrics(textfile, pushgateway, {"shard": shard.partition("/")[0]} if shard else {})
    traces = RunTraces()
    options = replace(options, seed=seed or 0, announce=print_contract, observed=traces.note)
    contract = _check_selection(options, target, targets)
    entries = load_accepted(accepted, options.config)
    profile = choose_profile(usage_file, options.config, fail_on)
    companies = Shard.parse(shard or "0/1").of(read_companies(targets)) if targets else None
    if companies is None:
        check_target(target, os.environ, options.config)
        if baseline:
            make_reports_folder(baseline)
            check_writable_path(baseline)
    outputs = Outputs(reports, report_dir or NIGHTLY_REPORTS / datetime.now(UTC).date().isoformat(), FILE_NAMES)
    with show_progress() as progress:
        settings = NightSettings(replace(options, progress=progress), entries, varies_plan=seed is None)
        report, outcomes = _run(settings, target, baseline or DEFAULT_BASELINE, companies, traces)
    report = add_impacts(report, profile)
    output_report(report, outputs)
    traces.export("drift", report)
    if metrics.wanted:
        described = report.extra.get("contract") or describe_contract(contract)
        _send_metrics(metrics, report, described, last_common_success(outcomes), weighed=profile is not None)
    for outcome in outcomes:
        if outcome.save_error:
            raise outcome.save_error
    return EXIT_INTERRUPTED if any(one.interrupted for one in outcomes) else exit_code(report, fail_on)


def _send_metrics(
    metrics: Metrics, report: Report, contract: Mapping[str, Any], success: float | None, *, weighed: bool
) -> None:
    from whopwatch.metrics.runs import DRIFT_JOB, drift_metrics

    metrics.send(DRIFT_JOB, report, drift_metrics(report, contract, success, weighed=weighed))


def _run(
    settings: NightSettings,
    target: str | None,
    baseline: Path,
    companies: Sequence[Company] | None,
    traces: RunTraces,
) -> tuple[Report, Collection[NightOutcome]]:
    """Run the night of `target`, or of each of `companies`; return the report and the outcome of each night.

    The nights of `companies` are exported one by one, so that memory does not grow with their number.
    """
    from whopwatch.history.nightly import run_night, run_nights

    for file in [baseline] if companies is None else [company.baseline for company in companies]:
        make_reports_folder(file)
    if companies is None:
        outcome = run_night(settings, target, os.environ, baseline)
        return outcome.report, [outcome]
    report, outcomes = run_nights(settings, companies, os.environ, _print_failure, traces.export_night)
    return report, outcomes.values()


def _check_selection(options: RunOptions, target: str | None, targets: Path | None) -> Contract:
    """Return the contract to begin with. Raise UsageError, before anything is written, for names that it lacks.

    The companies of `targets` may have contracts of their own: one of the bundled ones must have the names.
    """
    from whopwatch.run.options import chosen_contract, with_selection

    if not targets:
        return chosen_contract(options, target, os.environ).contract
    is_auto = options.contract_name in (None, AUTO)
    return with_selection(ContractChoice(named_contract(options.contract_name), is_auto=is_auto), options).contract


def _print_failure(company: str, error: WhopwatchError) -> None:
    click.echo(f"{company}: {error}", err=True)


def _check_usage(target: str | None, targets: Path | None, shard: str | None, baseline: Path | None) -> None:
    if targets and (target or baseline):
        other = "--target" if target else "--baseline"
        raise UsageError(
            f"{other} cannot be combined with --targets.",
            where=f"option {other}",
            hint="set target and baseline of each company in the file of --targets",
        )
    if shard and not targets:
        raise UsageError("--shard requires --targets.", where="option --shard", hint="add --targets FILE")
