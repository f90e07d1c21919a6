"""`whopwatch sdk`: check a release of the official SDK against a target."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from whopwatch.cli._support.metrics import Metrics, metrics_options
from whopwatch.cli._support.options import (
    CACHE,
    CONFIG,
    FAIL_ON_SEVERITY,
    RATE,
    SEED,
    TARGET,
    cache_folder,
    report_files,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report
from whopwatch.contract import load
from whopwatch.core.exit_codes import exit_code

EXAMPLE = """\b
Examples:
  whopwatch sdk                                    the release of the contract, at the simulator
  whopwatch sdk sdk:2.6.0 --target production      does this release work with the live API?
  whopwatch sdk npm:0.0.23                         the TypeScript SDK (needs Node)
  whopwatch sdk sdk:newest                         the newest release
  whopwatch sdk --target production --pushgateway http://127.0.0.1:9091     every night

\b
Environment:
  WHOP_API_KEY     the API key, for every target except the simulator
  WHOP_COMPANY_ID  the company to check (biz_...)

The release is installed from its registry into its own folder and runs as a separate program without the API key: its
requests go through whopwatch, which sends read operations only.
Exit code: 0 (clean), 1 (drift), 2 (usage) or 3 (could not check).
"""


@click.command("sdk", epilog=EXAMPLE)
@click.argument("release", default="sdk:0.0.23")
@TARGET
@click.option(
    "--budget", type=click.IntRange(min=1), default=150, show_default=True, help="Maximum number of requests."
)
@RATE
@SEED
@FAIL_ON_SEVERITY
@report_files("json", "junit", "markdown", "html")
@metrics_options
@CONFIG
@CACHE
def sdk_command(
    release: str,
    target: str | None,
    budget: int,
    rate: float | None,
    seed: int,
    reports: dict[str, str | None],
    fail_on: str,
    textfile: Path | None,
    pushgateway: str | None,
    config: Path | None,
    cache_dir: Path | None,
) -> int:
    """Test an SDK release against a target."""
    from whopwatch.contract_build.releases import resolve_newest
    from whopwatch.http import Client
    from whopwatch.relay import run_relay, take_secrets
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run.target import open_target
    from whopwatch.sdk import check_sdk
    from whopwatch.sdk.releases import driver_command, install_release, parse_release, require_release, run_program

    named = parse_release(release)
    outputs, metrics = Outputs(reports, None, FILE_NAMES), Metrics(textfile, pushgateway, {"release": str(named)})
    wanted, contract = resolve_newest(named), load()
    folder = install_release(wanted, cache_folder(cache_dir))
    environ = take_secrets()  # before the release runs as a program of this user
    with (
        open_target(contract, target, environ, config=config, seed=seed, rate=rate) as ready,
        Client(replace(ready, writable=False), contract, budget=budget) as client,
        run_relay(client, contract) as relay,
        run_program(*driver_command(wanted, folder, relay.url, relay.token)) as program,
    ):
        require_release(wanted, program.release)
        ids = {contract.account.resource: ready.company_id} if ready.company_id else {}
        name = f"{wanted.language} SDK {wanted.version} at {ready.name}"
        report = check_sdk(contract, program, relay, name=name, ids=ids, budget=budget, seed=seed)
    output_report(report, outputs)
    if metrics.wanted:
        from whopwatch.metrics.sdk import SDK_JOB, sdk_metrics

        metrics.send(SDK_JOB, report, sdk_metrics(report, str(named), wanted.version, time.time()))
    return exit_code(report, fail_on)
