"""`whopwatch sdk`: check a release of the official SDK against a target."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whopwatch.cli._support.metrics import Metrics, metrics_options
from whopwatch.cli._support.options import (
    CACHE,
    CONFIG,
    CONTRACT_WITHOUT_AUTO,
    FAIL_ON_SEVERITY,
    RATE,
    SEED,
    TARGET,
    TRUST,
    USAGE_PROFILE,
    GroupedCommand,
    cache_folder,
    file_option,
    max_time,
    report_files,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report, print_contract, print_risks
from whopwatch.config import key_variables
from whopwatch.config.contract_choice import bundled_versions
from whopwatch.contract import Contract, load
from whopwatch.contract.loader import DEFAULT_VERSION, closest_version
from whopwatch.core.report import exit_code

if TYPE_CHECKING:
    from whopwatch.config import Target
    from whopwatch.contract_build.releases import Release
    from whopwatch.core.report import Report
    from whopwatch.http import Client

EXAMPLE = """\b
Examples:
  whopwatch sdk                                    the release of the contract, at the simulator
  whopwatch sdk --contract newest                  the release that the newest contract is made from
  whopwatch sdk sdk:2.6.0 --target production      does this release work with the live API?
  whopwatch sdk npm:0.0.23                         the TypeScript SDK (needs Node)
  whopwatch sdk sdk:newest                         the newest release
  whopwatch sdk --target production --pushgateway http://127.0.0.1:9091     every night

\b
Environment:
  WHOP_API_KEY     the API key, for every target except the simulator (or WHOP_API_KEY_FILE, a file with it)
  WHOP_COMPANY_ID  the company to check (biz_...)

The release is installed from its registry into its own folder, by the hashes of a lock file if there is one. It runs
without the API key, in namespaces of its own where it reaches whopwatch only, which sends read operations only. A
system that does not allow that requires --trust.
Exit code: 0 (clean), 1 (drift), 2 (usage) or 3 (could not check).
"""


SDK_BUDGET_HELP = "Maximum number of requests.  [default: 150, or 2 for each read of the contract]"
SDK_SECONDS = 1200.0
"""The default of --max-time: less than the 30 minutes that the shipped unit and job allow."""
DEFAULT_RELEASE = "sdk:0.0.23"
"""The release to test if the contract is not made from one."""


@click.command("sdk", cls=GroupedCommand, epilog=EXAMPLE)
@click.argument("release", required=False)
@TARGET
@click.option("--budget", type=click.IntRange(min=1), help=SDK_BUDGET_HELP)
@RATE
@max_time(default=SDK_SECONDS)
@SEED
@CONTRACT_WITHOUT_AUTO
@USAGE_PROFILE
@FAIL_ON_SEVERITY
@report_files("json", "junit", "markdown", "html")
@metrics_options
@CONFIG
@CACHE
@file_option("--lock", "Hashes of the release and its dependencies.")
@TRUST
@verbosity
def sdk_command(
    release: str | None,
    target: str | None,
    budget: int | None,
    rate: float | None,
    max_time: float,
    seed: int,
    contract_name: str | None,
    usage_file: Path | None,
    reports: dict[str, str | None],
    fail_on: str,
    textfile: Path | None,
    pushgateway: str | None,
    config: Path | None,
    cache_dir: Path | None,
    lock: Path | None,
    trust: bool,
) -> int:
    """Test an SDK release against a target."""
    from whopwatch.contract_build.releases import resolve_newest
    from whopwatch.relay import containment, run_relay, take_secrets
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run.target import open_target
    from whopwatch.sdk import check_sdk
    from whopwatch.sdk.releases import install_release, lock_of, parse_release, requested_version, run_driver
    from whopwatch.sdk.survey import SDK_REQUEST_BUDGET
    from whopwatch.usage.impact import add_impacts, choose_profile

    named = parse_release(release or load(contract_name).edition.release or DEFAULT_RELEASE)
    outputs, metrics = Outputs(reports, None, FILE_NAMES), Metrics(textfile, pushgateway, {"release": str(named)})
    profile = choose_profile(usage_file, config, fail_on)
    ends_at = time.monotonic() + max_time
    environ = take_secrets(also=key_variables(config))  # before anything foreign starts, pip and npm too
    wanted = resolve_newest(named)
    hashes = lock_of(wanted, lock)
    with containment(trust=trust) as contained:
        print_risks(contained=contained is not None, release=None if hashes else str(wanted))
        folder = install_release(wanted, cache_folder(cache_dir), hashes)
        contract = _contract_for(wanted, requested_version(folder), contract_name)
        limit = budget or max(SDK_REQUEST_BUDGET, 2 * len(contract.reads))
        reading = open_target(contract, target, environ, config=config, seed=seed, rate=rate)
        with (
            reading as ready,
            _read_only_client(ready, contract, limit, ends_at - time.monotonic()) as client,
            run_relay(client, contract, contained.socket if contained else None) as relay,
            run_driver(wanted, folder, relay, contained, ends_at) as program,
        ):
            name = f"{wanted.language} SDK {wanted.version} at {ready.name}"
            print_contract(contract, name)
            ids = {contract.account.resource: ready.company_id} if ready.company_id else {}
            report = check_sdk(contract, program, relay, name=name, ids=ids, budget=limit, seed=seed)
    report = add_impacts(report, profile)
    output_report(report, outputs)
    if metrics.wanted:
        _send_metrics(metrics, report, str(named), wanted.version, weighed=profile is not None)
    return exit_code(report, fail_on)


def _send_metrics(metrics: Metrics, report: Report, release: str, version: str, *, weighed: bool) -> None:
    from whopwatch.metrics.runs import SDK_JOB, sdk_metrics

    metrics.send(SDK_JOB, report, sdk_metrics(report, release, version, time.time(), weighed=weighed))


def _read_only_client(target: Target, contract: Contract, budget: int, seconds: float) -> Client:
    from whopwatch.http import Client, RunBudget

    return Client(replace(target, writable=False), contract, budget=RunBudget(budget, seconds))


def _contract_for(release: Release, version: str | None, name: str | None) -> Contract:
    """Return the contract called `name`, else the one of the API version that `release` requests, or the closest.

    `version` is None for a release that requests none. A contract of another version is named on stderr.
    """
    if name is not None:
        return load(name)
    wanted = version or DEFAULT_VERSION
    found = closest_version(wanted, bundled_versions()) or DEFAULT_VERSION
    if found != wanted:
        click.echo(f"SDK {release} requests version {wanted}; the closest contract is of {found}.", err=True)
    return load(found)
