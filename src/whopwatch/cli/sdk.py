"""`whopwatch sdk`: the API as a release of the official SDK sees it."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.folders import CACHE, cache_folder
from whopwatch.cli.metrics import Metrics, metrics_options
from whopwatch.cli.options import rate as rate_option
from whopwatch.cli.options import report_files
from whopwatch.cli.outputs import Outputs
from whopwatch.contract import load

EXAMPLE = """\b
Examples:
  whopwatch sdk                                    the release of the contract, at the simulator
  whopwatch sdk sdk:2.6.0 --target production      does this release work with what the API does today?
  whopwatch sdk npm:0.0.23                         the TypeScript SDK (needs Node)
  whopwatch sdk sdk:newest                         whichever release is the newest
  whopwatch sdk --target production --pushgateway http://127.0.0.1:9091     every night

\b
Environment:
  WHOP_API_KEY     the key, for every target but the simulator
  WHOP_COMPANY_ID  the company to look at (biz_...)

The release is installed from its registry into a folder of its own and runs as a program of its own. It gets no key:
its requests leave through whopwatch, reads alone. Ends with 0 (clean), 1 (drift), 2 (usage) or 3 (could not check).
"""


@click.command("sdk", epilog=EXAMPLE)
@click.argument("release", default="sdk:0.0.23")
@click.option("--target", metavar="NAME|URL", help="simulator (default), sandbox, production, or a base URL.")
@click.option("--budget", type=click.IntRange(min=1), default=150, show_default=True, help="Requests to send at most.")
@click.option("--rate", type=float, callback=rate_option, metavar="N", help="Requests a second at most: 0.01 to 1000.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and the simulator.")
@report_files("json", "junit", "markdown", "html")
@metrics_options
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: ./whopwatch.toml, if any.")
@CACHE
def sdk(
    release: str,
    target: str | None,
    budget: int,
    rate: float | None,
    seed: int,
    reports: dict[str, str | None],
    textfile: Path | None,
    pushgateway: str | None,
    config: Path | None,
    cache_dir: Path | None,
) -> int:
    """Drive a release of the official SDK at a target and check what it parses."""
    from whopwatch.contract_build.releases import published
    from whopwatch.http import Client
    from whopwatch.relay import relayed
    from whopwatch.reports import FILE_NAMES
    from whopwatch.run.target import opened
    from whopwatch.sdk import survey
    from whopwatch.sdk.program import running
    from whopwatch.sdk.releases import installed, parse_release, refuse_other, start

    named = parse_release(release)
    outputs, metrics = Outputs(reports, None, FILE_NAMES), Metrics(textfile, pushgateway, {"release": str(named)})
    wanted, contract = published(named), load()
    folder = installed(wanted, cache_folder(cache_dir))
    with (
        opened(contract, target, os.environ, config=config, seed=seed, rate=rate) as ready,
        Client(replace(ready, writable=False), contract, budget=budget) as client,
        relayed(client, contract) as relay,
        running(*start(wanted, folder, relay.url, relay.token)) as program,
    ):
        refuse_other(wanted, program.release)
        ids = {contract.account.resource: ready.company_id} if ready.company_id else {}
        name = f"{wanted.language} SDK {wanted.version} at {ready.name}"
        report = survey(contract, program, relay, name=name, ids=ids, budget=budget, seed=seed)
    tell(report, outputs)
    if metrics.wanted:
        from whopwatch.metrics.sdk import JOB, sdk_metrics

        metrics.send(JOB, report, sdk_metrics(report, str(named), wanted.version, time.time()))
    return EXIT_CODES[report.verdict]
