"""`whopwatch drift`: the nightly run, a check with a memory."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.folders import REPORTS, make_own
from whopwatch.cli.metrics import Metrics, metrics_options
from whopwatch.cli.options import names, rate, refuse_writes, report_files
from whopwatch.cli.outputs import Outputs
from whopwatch.config.companies import read_companies
from whopwatch.config.shard import Shard
from whopwatch.contract import contracts_dir, load
from whopwatch.core.errors import EXIT_INTERRUPTED, UsageError, WhopwatchError
from whopwatch.history import read_accepted
from whopwatch.history.store import check_writable_path
from whopwatch.run.target import check_target

BASELINE = REPORTS / "baseline.sqlite"
NIGHTS = REPORTS / "drift"
EXAMPLE = """\b
Examples:
  whopwatch drift --target production
  whopwatch drift --target production --baseline state/acme.sqlite --textfile /var/lib/node_exporter/whopwatch.prom
  whopwatch drift --targets companies.toml --shard 0/4

\b
The file of --targets (TOML), one table for each company:
  [[companies]]
  name = "acme"
  target = "production"
  api_key_env = "ACME_API_KEY"
  company_id = "biz_..."
  baseline = "state/acme.sqlite"

Only GET requests are sent. Ends with 0 (clean), 1 (drift), 2 (usage) or 3 (could not check). Drift that is accepted
(contracts/accepted.yaml) or fixed is told and does not count; drift that was not looked at again does.
"""


@click.command("drift", epilog=EXAMPLE)
@click.option("--target", metavar="NAME|URL", help="simulator (default), sandbox, production, or a base URL.")
@click.option("--targets", type=click.Path(path_type=Path), metavar="FILE", help="Look at every company of this file.")
@click.option("--shard", metavar="I/N", help="With --targets: every Nth company, from the Ith (0 to N-1).")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help=f"Default: {BASELINE}.")
@click.option("--accepted", type=click.Path(path_type=Path), metavar="FILE", help="Default: contracts/accepted.yaml.")
@click.option("--only", callback=names, multiple=True, metavar="OP[,OP]", help="These operations only.")
@click.option(
    "--resource", callback=names, multiple=True, metavar="R[,R]", help="These resources only; v2 for all of v2."
)
@click.option("--budget", type=click.IntRange(min=1), default=600, show_default=True, help="Requests to send at most.")
@click.option("--rate", type=float, callback=rate, metavar="N", help="Requests a second at most: 0.01 to 1000.")
@click.option("--seed", type=int, help="Seed of the plan and the simulator. Default: another plan each night.")
@report_files("json", "junit", "markdown", "html", "sarif")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help=f"Default: {NIGHTS}/<UTC date>.")
@metrics_options
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: ./whopwatch.toml, if any.")
def drift(
    target: str | None,
    targets: Path | None,
    shard: str | None,
    baseline: Path | None,
    accepted: Path | None,
    only: tuple[str, ...],
    resource: tuple[str, ...],
    budget: int,
    rate: float | None,
    seed: int | None,
    reports: dict[str, str | None],
    report_dir: Path | None,
    textfile: Path | None,
    pushgateway: str | None,
    config: Path | None,
) -> int:
    """Observe a target and tell what has changed since the nights before."""
    from rich.console import Console

    from whopwatch.cli.progress import shown_progress
    from whopwatch.history.nightly import NightSettings, last_common_success, run_night, run_nights
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run import select_operations

    _refuse_together(target, targets, shard, baseline)
    metrics = Metrics(textfile, pushgateway, {"shard": shard.partition("/")[0]} if shard else {})
    contract = load()
    select_operations(contract, only, resource)
    refuse_writes(contract, only)
    entries = read_accepted(accepted or contracts_dir() / "accepted.yaml")
    companies = Shard.parse(shard or "0/1").of(read_companies(targets)) if targets else ()
    if not targets:
        check_target(target, os.environ, config)
        if baseline:
            make_own(baseline)
            check_writable_path(baseline)
    folder = report_dir or NIGHTS / datetime.now(UTC).date().isoformat()
    outputs = Outputs(reports, folder, FILE_NAMES)
    for file in [company.baseline for company in companies] or [baseline or BASELINE]:
        make_own(file)
    with shown_progress(Console(stderr=True)) as progress:
        settings = NightSettings(contract, entries, only, resource, budget, rate, seed, config, progress)
        if targets:
            report, outcomes = run_nights(settings, companies, os.environ, _tell_failure)
        else:
            outcome = run_night(settings, target, os.environ, baseline or BASELINE)
            report, outcomes = outcome.report, {"": outcome}
    tell(report, outputs)
    if metrics.wanted:
        from whopwatch.metrics.drift import DRIFT_JOB, drift_metrics

        metrics.send(DRIFT_JOB, report, drift_metrics(report, contract.sha256, last_common_success(outcomes.values())))
    for outcome in outcomes.values():
        if outcome.save_error:
            raise outcome.save_error
    return EXIT_INTERRUPTED if any(one.interrupted for one in outcomes.values()) else EXIT_CODES[report.verdict]


def _tell_failure(company: str, error: WhopwatchError) -> None:
    click.echo(f"{company}: {error}", err=True)


def _refuse_together(target: str | None, targets: Path | None, shard: str | None, baseline: Path | None) -> None:
    if targets and (target or baseline):
        raise UsageError(
            "A list of companies names its own targets and baselines.",
            where="option --targets",
            expected="--targets without --target and --baseline",
        )
    if shard and not targets:
        raise UsageError("There is nothing to share out.", where="option --shard", expected="--targets FILE beside it")
