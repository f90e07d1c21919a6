"""`whopwatch mcp`: check an MCP server against the contract. `whopwatch mcp serve`: be one."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from whopwatch.cli._support.options import (
    CONFIG,
    CONTRACT_WITHOUT_AUTO,
    EDITION_NAME,
    FAIL_ON_SEVERITY,
    FILE_PATH,
    NIGHTLY_REPORTS,
    RATE,
    SEED,
    TRUST,
    USAGE_PROFILE,
    file_option,
    newest_report,
    report_files,
    verbosity,
)
from whopwatch.cli._support.outputs import Outputs
from whopwatch.cli._support.printing import output_report, print_contract, print_risks
from whopwatch.cli.drift import DEFAULT_BASELINE
from whopwatch.config import SIMULATOR, key_variables, read_secret
from whopwatch.config.contract_choice import choose_contract
from whopwatch.config.targets_file import beside_config
from whopwatch.contract import Contract, load
from whopwatch.core.errors import EXIT_CLEAN, TargetError, UsageError
from whopwatch.core.report import exit_code
from whopwatch.usage.profile import FILE as USAGE_FILE

if TYPE_CHECKING:
    from whopwatch.mcp.compare import McpToolServer

EXAMPLE = """\b
Examples:
  whopwatch mcp                                       the simulator's MCP server
  whopwatch mcp https://mcp.whop.com/mcp              streamable HTTP; a path ending in /sse means SSE
  whopwatch mcp --stdio "node_modules/.bin/mcp-server"          a command whose API requests go to the simulator
  whopwatch mcp --stdio "npx -y @whop/mcp" --trust --target sandbox   a command that downloads its package

\b
Environment:
  WHOP_API_KEY     the API key for URL, or for the API that the command uses
  WHOP_COMPANY_ID  the company to check (biz_...)

Tools that change data are never called. A command gets neither the API key nor the network: it runs in namespaces of
its own where it reaches whopwatch only, which sends read operations only. Install it before, or use --trust. A system
that does not allow that requires --trust. Exit code: 0 (clean), 1 (drift), 2 (usage) or 3 (could not check).

`whopwatch mcp serve` is the opposite: a server for AI agents about reports and contracts. See: whopwatch mcp serve -h
"""
SERVE_EXAMPLE = """\b
Examples:
  whopwatch mcp serve                                 for a client that starts its servers
  whopwatch mcp serve --report report.json --contract newest
  whopwatch mcp serve --http 8765                     streamable HTTP at http://127.0.0.1:8765/mcp

The tools only read reports, the drift history, the usage profile and bundled contracts on this machine:
what_changed_since, operation_health, explain_finding, version_changes, impact_on_code, show_contract. No key is needed,
and nothing is sent to Whop. --allow-checks adds check_now, which uses the key of the target.
The files are read for each call, so a night that ends while the server runs counts.
"""


DOWNLOADERS = frozenset({"bunx", "npx", "pipx", "pnpx", "uvx"})
"""Programs that download a package and run it."""
CONTAINED = "it had no network and no home folder: install it first, or use --trust"
TIME_HELP = "Stop after S seconds; what was not called could not be checked.  [default: 300, with --rate more]"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The server that the user named, and the limits of the run; it ends at `ends_at` of the monotonic clock."""

    url: str | None
    command: str | None
    target: str | None
    budget: int
    seed: int
    config: Path | None
    trust: bool
    ends_at: float


class _CheckOrServe(click.Command):
    """`mcp [URL]` checks a server; `mcp serve` is a command of its own, with its own options.

    A click group would not do: it takes the word after `mcp` for the URL, and options only before it.
    """

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names of the commands below this one."""
        return ["serve"]

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return the command `name` below this one."""
        return serve_command if name == "serve" else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return the context of `serve` if the first argument is this word."""
        if args[:1] == ["serve"]:
            return serve_command.make_context(f"{info_name} serve", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command("serve", epilog=SERVE_EXAMPLE)
@file_option("--report", f"JSON report to serve.  [default: the newest in {NIGHTLY_REPORTS}]")
@click.option(
    "--baseline",
    type=FILE_PATH,
    default=DEFAULT_BASELINE,
    show_default=True,
    metavar="FILE",
    help="Drift history; it need not exist.",
)
@file_option(
    "--usage", "Usage profile of your code; it need not exist.  [default: usage.json beside whopwatch.toml, or here]"
)
@EDITION_NAME
@click.option(
    "--allow-checks",
    "target",
    metavar="NAME|URL",
    help="Also offer a tool that checks one operation of this target: at most 60 GET requests a call.",
)
@click.option(
    "--http",
    "port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Serve streamable HTTP on 127.0.0.1 instead of standard streams; 0 takes a free port.",
)
def serve_command(
    report: Path | None, baseline: Path, usage: Path | None, name: str | None, target: str | None, port: int | None
) -> int:
    """Serve reports, drift history, usage profile and contracts to AI agents over MCP."""
    ended = threading.Event()
    if port is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
    from whopwatch.cli._support.contract_text import describe_named
    from whopwatch.mcp.agent_knowledge import Knowledge, check_operation
    from whopwatch.mcp.agent_server import make_server, serve_http, serve_stdio
    from whopwatch.run.target import check_target

    def report_file() -> Path | None:
        return report or newest_report()

    for variable in {"WHOP_API_KEY", *key_variables()}:
        read_secret(os.environ, variable)  # a known key is never shown, whatever a file contains
    contract = load(name)
    if target:
        check_target(target, os.environ)
    check = partial(check_operation, contract, target, os.environ) if target else None
    profile = usage or beside_config(USAGE_FILE)
    server = make_server(Knowledge(contract, report_file, baseline, profile, describe_named), check)
    if port is None:
        serve_stdio(server)
        return EXIT_CLEAN
    with serve_http(server, port) as url:
        click.echo(f"MCP server at {url}. Stop it with Ctrl-C.")
        ended.wait()
    return EXIT_CLEAN


@click.command("mcp", cls=_CheckOrServe, epilog=EXAMPLE)
@click.argument("url", required=False)
@click.option("--stdio", "command", metavar="COMMAND", help="Start this server and use its standard streams.")
@click.option("--target", metavar="NAME|URL", help="With --stdio: the API it uses (default: simulator).")
@click.option("--budget", type=click.IntRange(min=1), default=150, show_default=True, help="Maximum number of calls.")
@RATE
@click.option("--max-time", type=click.FloatRange(min=1), metavar="S", help=TIME_HELP)
@SEED
@CONTRACT_WITHOUT_AUTO
@USAGE_PROFILE
@FAIL_ON_SEVERITY
@report_files("json", "junit", "markdown", "html")
@CONFIG
@TRUST
@verbosity
def mcp_command(
    url: str | None,
    command: str | None,
    target: str | None,
    budget: int,
    rate: float | None,
    max_time: float | None,
    seed: int,
    contract_name: str | None,
    usage_file: Path | None,
    reports: dict[str, str | None],
    fail_on: str,
    config: Path | None,
    trust: bool,
) -> int:
    """Check an MCP server: its tools, their arguments and their results."""
    from whopwatch.mcp import check_mcp_server, unreachable_report
    from whopwatch.mcp.survey import MCP_MAX_SECONDS
    from whopwatch.reports import FILE_NAMES
    from whopwatch.usage.impact import add_impacts, choose_profile

    _check_usage(url, command, target)
    if command is not None:
        _split_command(command)
    outputs, profile = Outputs(reports, None, FILE_NAMES), choose_profile(usage_file, config, fail_on)
    contract = choose_contract(contract_name, None, target or SIMULATOR, os.environ, config).contract
    has_key = not url or bool(read_secret(os.environ, "WHOP_API_KEY"))
    print_contract(contract, _shown(url, command))
    limit = max_time or max(MCP_MAX_SECONDS, 2 * budget / rate if rate else 0.0)
    begun = time.monotonic()
    wanted = _Wanted(url, command, target, budget, seed, config, trust, begun + limit)
    try:
        with _connected(contract, wanted) as (server, name, ids):
            report = check_mcp_server(
                contract,
                server,
                name=name,
                ids=ids,
                budget=budget,
                rate=rate,
                seed=seed,
                has_key=has_key,
                max_seconds=begun + limit - time.monotonic(),
            )
    except TargetError as error:
        shown, seconds = _shown(url, command), time.monotonic() - begun
        reason = f"{error.what.rstrip('.')}: {error.got}"
        report = unreachable_report(contract, reason, name=shown, budget=budget, seconds=seconds)
    report = add_impacts(report, profile)
    output_report(report, outputs)
    return exit_code(report, fail_on)


def _shown(url: str | None, command: str | None) -> str:
    """Return the server's name for the report, without parts that can contain a key: user, query, arguments."""
    if url:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return Path(_split_command(command)[0]).name if command else "the simulator's MCP server"


def _split_command(command: str) -> list[str]:
    """Split --stdio as a shell does. Raise UsageError if it is empty or a quote is not closed."""
    expected = "a command such as npx -y @whop/mcp"
    try:
        words = shlex.split(command)
    except ValueError:
        raise UsageError(
            "The command cannot be read.", where="option --stdio", expected=expected, got="a quote that is not closed"
        ) from None
    if not words:
        raise UsageError("The command is empty.", where="option --stdio", expected=expected)
    return words


def _check_usage(url: str | None, command: str | None, target: str | None) -> None:
    if url is not None and command is not None:
        raise UsageError("URL and --stdio cannot be combined.", expected="a URL or --stdio COMMAND", got="both")
    if target and not command:
        raise UsageError("--target requires --stdio.", where="option --target", expected="--stdio COMMAND")
    if url is not None and not url.startswith(("http://", "https://")):
        raise UsageError(
            "This is not the address of an MCP server.",
            where="argument URL",
            expected="http:// or https://",
            got=repr(url[:60]),
            hint="use --stdio for a command; omit both for the simulator's MCP server",
        )


@contextmanager
def _connected(contract: Contract, wanted: _Wanted) -> Iterator[tuple[McpToolServer, str, dict[str, str]]]:
    """Yield the server, its name for the report, and known IDs."""
    from whopwatch.mcp import session

    if wanted.command:
        with _by_command(contract, wanted, wanted.command) as connected:
            yield connected
    elif wanted.url:
        company = os.environ.get("WHOP_COMPANY_ID")
        transport = session.transport_to(wanted.url, _readable(contract), _messages(wanted.budget))
        key = read_secret(os.environ, "WHOP_API_KEY")
        is_sse = _is_sse(wanted.url)
        with session.over_http(wanted.url, key, transport, is_sse=is_sse, ends_at=wanted.ends_at) as server:
            yield server, _shown(wanted.url, None), {contract.account.resource: company} if company else {}
    else:
        from whopwatch.simulator import embedded

        with embedded(contract, seed=wanted.seed) as simulator:
            transport = session.transport_to(simulator.mcp_url, _readable(contract), _messages(wanted.budget))
            with session.over_http(simulator.mcp_url, simulator.api_key, transport, is_sse=False) as server:
                yield server, _shown(None, None), {contract.account.resource: simulator.company_id}


@contextmanager
def _by_command(
    contract: Contract, wanted: _Wanted, command: str
) -> Iterator[tuple[McpToolServer, str, dict[str, str]]]:
    from whopwatch.http import Client, RunBudget
    from whopwatch.mcp import session
    from whopwatch.relay import containment, run_relay, take_secrets
    from whopwatch.run.target import open_target

    words = _split_command(command)
    limits = RunBudget(_messages(wanted.budget), wanted.ends_at - time.monotonic())
    environ = take_secrets(also=key_variables(wanted.config))  # before the command runs as a program of this user
    with (
        containment(trust=wanted.trust) as contained,
        open_target(contract, wanted.target or SIMULATOR, environ, config=wanted.config, seed=wanted.seed) as ready,
        Client(
            replace(ready, writable=False),
            contract,
            budget=limits,
        ) as client,
        run_relay(client, contract, contained.socket if contained else None) as relay,
    ):
        program = Path(words[0]).name
        print_risks(contained=contained is not None, downloader=program if program in DOWNLOADERS else None)
        # What is not found here would not be found inside either, with a worse reason.
        is_wrapped = contained is not None and shutil.which(words[0]) is not None
        if contained and is_wrapped:
            words = contained.wrap(words, relay.port, folder=Path.cwd())
        ids = {contract.account.resource: ready.company_id} if ready.company_id else {}
        try:
            variables = {"WHOP_BASE_URL": relay.url, "WHOP_API_KEY": relay.token}
            with session.over_stdio(words, variables, ends_at=wanted.ends_at) as server:
                yield server, f"{_shown(None, command)} at {ready.name}", ids
        except TargetError as error:
            if is_wrapped:
                error.got = f"{error.got} ({CONTAINED})"
            raise


def _readable(contract: Contract) -> frozenset[str]:
    from whopwatch.contract.mcp_tools import tools_of

    return frozenset(tool.name for tool in tools_of(contract).values() if tool.operation.is_read)


def _messages(budget: int) -> int:
    """Return the maximum number of messages for `budget` calls: the handshake and the tool list need some, too."""
    return budget + 30


def _is_sse(url: str) -> bool:
    return url.partition("?")[0].rstrip("/").endswith("/sse")
