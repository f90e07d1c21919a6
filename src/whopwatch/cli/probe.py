"""`whopwatch probe`: scheduled probes, exported to Prometheus."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import FrameType

import click

from whopwatch.cli.apart import apart
from whopwatch.config import SIMULATOR, Target, resolve_target, target_name
from whopwatch.config.shard import Shard
from whopwatch.contract import Contract, forget_contracts, load
from whopwatch.core.errors import TargetError, UsageError
from whopwatch.core.report import Report
from whopwatch.prober.memory import give_back_early
from whopwatch.prober.narrow import narrowed
from whopwatch.prober.settings import McpTerms, default_file, read_settings
from whopwatch.run.target import opened

LISTEN = "127.0.0.1:9464"
EXAMPLE = """\b
Examples:
  whopwatch probe                                      the embedded simulator
  whopwatch probe --target production --listen 0.0.0.0:9464
  whopwatch probe --config probes.toml --shard 0/3     one of three probers
  whopwatch probe --once                               every probe once, and a verdict

\b
Pages: /metrics  /probe?target=OP&debug=true  /history?failed=true  /healthz  /readyz
SIGHUP reads the configuration again; SIGTERM ends it after the runs that are under way.
Only GET requests are sent. WHOP_API_KEY and WHOP_COMPANY_ID are used as by `whopwatch check`.
"""


@click.command("probe", epilog=EXAMPLE)
@click.option("--target", metavar="NAME|URL", help="simulator (default), sandbox, production, or a base URL.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: the probes.toml we bring.")
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT", help="Port 0 takes a free one.")
@click.option("--shard", default="0/1", metavar="I/N", help="Probe every Nth operation, from the Ith (0 to N-1).")
@click.option("--once", is_flag=True, help="Run every probe once and say whether the contract is kept.")
@click.option("--json", "json_file", metavar="FILE", help="With --once: write the JSON report (- for stdout).")
def probe(target: str | None, config: Path | None, listen: str, shard: str, once: bool, json_file: str | None) -> int:
    """Probe a target on schedule and export what is seen to Prometheus."""
    if json_file and not once:
        raise UsageError("There is no report without an end.", where="option --json", hint="add --once")
    part, address, file = Shard.parse(shard), _address(listen), config or default_file()
    give_back_early()
    with _opened(target) as ready:
        if once:
            return _once(ready, file, part, json_file)
        contract = narrowed(load())
        forget_contracts()  # the whole contract is several times the size of what is probed
        gc.collect()
        return _serve(contract, ready, file, part, address)


def _opened(name: str | None) -> AbstractContextManager[Target]:
    """The target. Only the simulator needs the contract, and whoever is given it keeps it in memory."""
    wanted = target_name(name, os.environ)
    if wanted == SIMULATOR:
        return opened(load(), wanted, os.environ)
    return nullcontext(resolve_target(wanted, os.environ))


def _serve(contract: Contract, target: Target, config: Path, shard: Shard, address: tuple[str, int]) -> int:
    from whopwatch.prober.service import Service

    signals: SimpleQueue[int] = SimpleQueue()

    def note(number: int, _: FrameType | None) -> None:
        signals.put(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    service = Service(contract, target, config, shard, look=partial(_look, target))
    server = service.start(address)
    host, port = server.server_address[:2]
    url = f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"
    click.echo(f"Probing {len(service.probes)} operations of {target.name}; {url}/metrics", err=True)
    try:
        while signals.get() == signal.SIGHUP:
            if service.reload():
                click.echo(f"The configuration was read again: {len(service.probes)} operations.", err=True)
    finally:
        service.stop()
        server.stop()
    click.echo("All runs have ended.", err=True)
    return 0


def _look(target: Target, url: str, terms: McpTerms, number: int) -> tuple[Report, int]:
    """One look at an MCP server, with the target's key.

    The library and the whole contract are larger than the prober: they are loaded in a process of their own.
    """
    key = target.api_key.reveal() if target.api_key else None
    return apart(_look_now, url, key, target.company_id, terms, number)


def _look_now(url: str, key: str | None, company: str | None, terms: McpTerms, number: int) -> tuple[Report, int]:
    from whopwatch.mcp.short_check import check_briefly

    return check_briefly(load(), url, key, company, calls=terms.calls, seconds=terms.timeout, number=number)


def _once(target: Target, config: Path, shard: Shard, json_file: str | None) -> int:
    from whopwatch.cli.check import EXIT_CODES, tell
    from whopwatch.cli.outputs import Outputs
    from whopwatch.prober.once import probe_once
    from whopwatch.prober.service import Service

    outputs, contract = Outputs({"json": json_file}, None, {}), load()
    service = Service(contract, target, config, shard)
    try:
        report = probe_once(contract, service.prober, list(service.probes.values()), target.name)
    finally:
        service.stop()
    if shard.index == 0:
        report = _with_mcp(report, target, read_settings(config).mcp)
    tell(report, outputs)
    return EXIT_CODES[report.verdict]


def _with_mcp(report: Report, target: Target, terms: McpTerms | None) -> Report:
    """`report`, and what one look at the MCP server comes to where one is to be looked at."""
    from whopwatch.prober.mcp import address_of
    from whopwatch.prober.together import together, without_session

    url = address_of(terms, target)
    if terms is None or url is None:
        return report
    try:
        return together(report, _look(target, url, terms, 0)[0])
    except TargetError as error:
        return without_session(report, error)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UsageError(
            "The prober cannot listen at this address.",
            where="option --listen",
            expected=f"HOST:PORT such as {LISTEN}, or :9464 for every interface",
            got=repr(text[:60]),
        )
    return host.strip("[]"), int(port)
