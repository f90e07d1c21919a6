"""`whopwatch check`: one observation, every check, one verdict."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from whopwatch.cli.options import names, rate, refuse_writes, report_files
from whopwatch.cli.outputs import Outputs
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT, EXIT_INTERRUPTED, UsageError
from whopwatch.core.report import Report, Verdict
from whopwatch.run.target import open_target

if TYPE_CHECKING:
    from whopwatch.run import Observation

EXIT_CODES = {
    Verdict.CLEAN: EXIT_CLEAN,
    Verdict.DRIFT: EXIT_DRIFT,
    Verdict.COULD_NOT_CHECK: EXIT_COULD_NOT_CHECK,
}

EXAMPLE = """\b
Examples:
  whopwatch check
  whopwatch check --target sandbox --resource products,plans
  whopwatch check --only products.list --json - | jq .verdict
  whopwatch check --target production --budget 120 --report-dir reports
  whopwatch check --target sandbox --record night.har --html night.html
  whopwatch check --replay browser.har
  whopwatch check --allow-writes --resource products

\b
Environment:
  WHOP_API_KEY           the key, for every target but the simulator
  WHOP_COMPANY_ID        the company to look at (biz_...)
  WHOP_BASE_URL          the target, where --target is not given
  WHOP_API_VERSION_DATE  the API version to ask for (2025-01-01)

Only GET requests are sent, unless --allow-writes is given, and at production in any case. Ends with 0 (clean), 1
(drift), 2 (usage) or 3 (could not check); with 130 after Ctrl-C, which still reports what was seen. A run that
ended early, or left operations out for want of budget, is not clean.
"""

BUDGET = "Requests to send at most.  [default: 600, with --allow-writes 1600]"
REPLAY = "Check a recording (HAR) instead of a target; nothing is sent."
NOT_WITH_REPLAY = ("only", "resource", "allow_writes", "budget", "rate", "seed", "record_file")


@click.command("check", epilog=EXAMPLE)
@click.option("--target", metavar="NAME|URL", help="simulator (default), sandbox, production, or a base URL.")
@click.option("--only", callback=names, multiple=True, metavar="OP[,OP]", help="These operations only.")
@click.option("--resource", callback=names, multiple=True, metavar="R[,R]", help="These resources only, or v2.")
@click.option("--allow-writes", is_flag=True, help="Create, change and delete objects of its own, too.")
@click.option("--budget", type=click.IntRange(min=1), help=BUDGET)
@click.option("--rate", type=float, callback=rate, metavar="N", help="Requests a second at most: 0.01 to 1000.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and the simulator.")
@report_files("json", "junit", "markdown", "html", "sarif")
@click.option("--record", "record_file", metavar="FILE.har", help="Write the run as HAR, without keys and values.")
@click.option("--replay", "replay_file", type=click.Path(path_type=Path), metavar="FILE.har", help=REPLAY)
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help="Write every report here.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: ./whopwatch.toml, if any.")
def check(
    target: str | None,
    only: tuple[str, ...],
    resource: tuple[str, ...],
    allow_writes: bool,
    budget: int | None,
    rate: float | None,
    seed: int,
    reports: dict[str, str | None],
    record_file: str | None,
    replay_file: Path | None,
    report_dir: Path | None,
    config: Path | None,
) -> int:
    """Observe a target once and say whether it keeps the contract."""
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run import DEFAULT_BUDGET, INTERRUPTED, WRITING_BUDGET, judge, select_operations

    outputs = Outputs({**reports, "har": record_file}, report_dir, FILE_NAMES)
    contract = load()
    if replay_file:
        return _replayed(contract, replay_file, target, config, outputs)
    select_operations(contract, only, resource)
    if not allow_writes:
        refuse_writes(contract, only)
    limit = budget or (WRITING_BUDGET if allow_writes else DEFAULT_BUDGET)
    with open_target(contract, target, os.environ, config=config, seed=seed, rate=rate, writes=allow_writes) as ready:
        observation = _observed(contract, ready, limit, only, resource, seed)
        report = judge(contract, observation, ready.name)
    tell(report, outputs, _besides(contract, ready, observation, report, record_file))
    return EXIT_INTERRUPTED if observation.stopped == INTERRUPTED else EXIT_CODES[report.verdict]


def _observed(
    contract: Contract,
    target: Target,
    budget: int,
    only: tuple[str, ...],
    resources: tuple[str, ...],
    seed: int,
) -> Observation:
    from rich.console import Console

    from whopwatch.cli.progress import shown_progress
    from whopwatch.run import observe, select_operations

    with shown_progress(Console(stderr=True)) as progress:
        return observe(
            contract,
            target,
            budget=budget,
            selected=select_operations(contract, only, resources),
            seed=seed,
            progress=progress,
            writes=target.writable,
        )


def _besides(
    contract: Contract, target: Target, observation: Observation, report: Report, record_file: str | None
) -> dict[str, str]:
    """The outputs that are no rendering of the report."""
    if not record_file:
        return {}
    from whopwatch.cli.recording import recorded

    return {"har": recorded(contract, target, observation, report)}


def _replayed(contract: Contract, file: Path, target: str | None, config: Path | None, outputs: Outputs) -> int:
    from whopwatch.cli.recording import replayed, tell_rest

    context = click.get_current_context()
    given = [name for name in NOT_WITH_REPLAY if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise UsageError(
            "A recording is checked as it is.",
            where=f"option --{given[0].removesuffix('_file').replace('_', '-')}",
            expected="--replay with --target, --config and outputs only",
        )
    report = replayed(contract, file, target, config)
    tell(report, outputs)
    tell_rest(report)
    return EXIT_CODES[report.verdict]


def tell(report: Report, outputs: Outputs, besides: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print `report`, its files first: they have to be there even if nobody reads the terminal to its end.

    `besides` are the texts, by kind, of outputs that are no rendering of it.
    """
    from rich.console import Console

    from whopwatch.reports import RENDERERS
    from whopwatch.reports.terminal import print_report, render

    kinds = outputs.kinds - besides.keys()
    written = outputs.write({**besides, **{kind: RENDERERS[kind](report) for kind in kinds}})
    console = Console(stderr=outputs.use_stdout)
    if console.is_terminal:
        print_report(report, console)
    else:
        console.file.write(render(report, console.width))
    for file in written:
        console.print(f"report written: {file}", markup=False, highlight=False, soft_wrap=True)
    console.file.flush()
