"""`whopwatch check`: one observation, every check, one verdict."""

from __future__ import annotations

import os
from pathlib import Path

import click

from whopwatch.cli.options import names, refuse_writes
from whopwatch.cli.outputs import Outputs
from whopwatch.cli.stdout import discard_stdout
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.finding import Report, Verdict
from whopwatch.opening import opened

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

\b
Environment:
  WHOP_API_KEY           the key, for every target but the simulator
  WHOP_COMPANY_ID        the company to look at (biz_...)
  WHOP_BASE_URL          the target, where --target is not given
  WHOP_API_VERSION_DATE  the API version to ask for (2025-01-01)

Only GET requests are sent. Ends with 0 (clean), 1 (drift), 2 (usage) or 3 (could not check).
"""


@click.command("check", epilog=EXAMPLE)
@click.option("--target", metavar="NAME|URL", help="simulator (default), sandbox, production, or a base URL.")
@click.option("--only", callback=names, multiple=True, metavar="OP[,OP]", help="These operations only.")
@click.option("--resource", callback=names, multiple=True, metavar="R[,R]", help="These resources only.")
@click.option("--budget", type=click.IntRange(min=1), default=600, show_default=True, help="Requests to send at most.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second at most.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and the simulator.")
@click.option("--json", "json_file", metavar="FILE", help="Write the JSON report (- for stdout).")
@click.option("--junit", "junit_file", metavar="FILE", help="Write JUnit XML (- for stdout).")
@click.option("--markdown", "markdown_file", metavar="FILE", help="Write Markdown (- for stdout).")
@click.option("--report-dir", type=click.Path(path_type=Path), metavar="DIR", help="Write every report here.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: ./whopwatch.toml, if any.")
def check(
    target: str | None,
    only: tuple[str, ...],
    resource: tuple[str, ...],
    budget: int,
    rate: float | None,
    seed: int,
    json_file: str | None,
    junit_file: str | None,
    markdown_file: str | None,
    report_dir: Path | None,
    config: Path | None,
) -> int:
    """Observe a target once and say whether it keeps the contract."""
    from whopwatch.report import FILE_NAMES
    from whopwatch.run import select

    files = {"json": json_file, "junit": junit_file, "markdown": markdown_file}
    outputs = Outputs(files, report_dir, FILE_NAMES)
    contract = load()
    select(contract, only, resource)
    refuse_writes(contract, only)
    with opened(contract, target, os.environ, config=config, seed=seed, rate=rate) as ready:
        report = _observed(contract, ready, budget, only, resource, seed)
    tell(report, outputs)
    return EXIT_CODES[report.verdict]


def _observed(
    contract: Contract,
    target: Target,
    budget: int,
    only: tuple[str, ...],
    resources: tuple[str, ...],
    seed: int,
) -> Report:
    from rich.console import Console

    from whopwatch import run
    from whopwatch.cli.progress import shown_progress

    with shown_progress(Console(stderr=True)) as progress:
        return run.check(
            contract,
            target,
            budget=budget,
            only=only,
            resources=resources,
            seed=seed,
            progress=progress,
        )


def tell(report: Report, outputs: Outputs) -> None:
    """Print `report`, its files first: they have to be there even if nobody reads the terminal to its end."""
    from rich.console import Console

    from whopwatch.report import RENDERERS
    from whopwatch.report.terminal import print_report, render

    try:
        written = outputs.write({kind: RENDERERS[kind](report) for kind in outputs.kinds})
        console = Console(stderr=outputs.use_stdout)
        if console.is_terminal:
            print_report(report, console)
        else:
            console.file.write(render(report, console.width))
        for file in written:
            console.print(f"report written: {file}", markup=False, highlight=False, soft_wrap=True)
        console.file.flush()
    except BrokenPipeError:
        discard_stdout()
