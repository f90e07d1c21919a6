"""`whopwatch mcp`: an MCP server held against the contract."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from whopwatch.cli.check import EXIT_CODES, tell
from whopwatch.cli.options import rate as rate_option
from whopwatch.cli.options import report_files
from whopwatch.cli.outputs import Outputs
from whopwatch.contract import Contract, load
from whopwatch.core.errors import TargetError, UsageError

if TYPE_CHECKING:
    from whopwatch.mcp.offered import Server

EXAMPLE = """\b
Examples:
  whopwatch mcp                                       the simulator's own server
  whopwatch mcp https://mcp.whop.com/mcp              streamable HTTP; a path ending in /sse means SSE
  whopwatch mcp --stdio "npx -y @whop/mcp"            a command, its API requests sent to the simulator
  whopwatch mcp --stdio "npx -y @whop/mcp" --target sandbox

\b
Environment:
  WHOP_API_KEY     the key for URL, or for the API that the command's requests go to
  WHOP_COMPANY_ID  the company to ask for (biz_...)

Tools that change data are never called. A command gets no key: its requests leave through whopwatch, reads alone.
Ends with 0 (clean), 1 (drift), 2 (usage) or 3 (could not check: refused, unreachable, nothing to see).
"""


@click.command("mcp", epilog=EXAMPLE)
@click.argument("url", required=False)
@click.option("--stdio", "command", metavar="COMMAND", help="Start this server and talk to its standard streams.")
@click.option("--target", metavar="NAME|URL", help="With --stdio: the API it is to ask (default: the simulator).")
@click.option("--budget", type=click.IntRange(min=1), default=150, show_default=True, help="Calls of tools at most.")
@click.option("--rate", type=float, callback=rate_option, metavar="N", help="Calls a second at most: 0.01 to 1000.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the plan and the simulator.")
@report_files("json", "junit", "markdown", "html")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Default: ./whopwatch.toml, if any.")
def mcp(
    url: str | None,
    command: str | None,
    target: str | None,
    budget: int,
    rate: float | None,
    seed: int,
    reports: dict[str, str | None],
    config: Path | None,
) -> int:
    """Hold an MCP server against the contract: its tools, their inputs, their answers."""
    from whopwatch.mcp import refused, survey
    from whopwatch.reports import FILE_NAMES

    _refuse_both(url, command, target)
    if command is not None:
        _words(command)
    outputs = Outputs(reports, None, FILE_NAMES)
    contract = load()
    has_key = bool(os.environ.get("WHOP_API_KEY")) or not url
    begun = time.perf_counter()
    try:
        with _connected(contract, url, command, target, budget, seed, config) as (server, name, ids):
            report = survey(contract, server, name=name, ids=ids, budget=budget, rate=rate, seed=seed, has_key=has_key)
    except TargetError as error:
        shown, seconds = _shown(url, command), time.perf_counter() - begun
        reason = f"{error.what.rstrip('.')}: {error.got}"
        report = refused(contract, reason, name=shown, budget=budget, seconds=seconds)
    tell(report, outputs)
    return EXIT_CODES[report.verdict]


def _shown(url: str | None, command: str | None) -> str:
    """What a report calls the server: no user or query, which may hold a key, and no arguments of a command."""
    if url:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return Path(_words(command)[0]).name if command else "the simulator's MCP server"


def _words(command: str) -> list[str]:
    """The words of --stdio, parted as a shell does; raises UsageError where there are none or a quote stays open."""
    expected = "a command such as npx -y @whop/mcp"
    try:
        words = shlex.split(command)
    except ValueError:
        raise UsageError(
            "The command cannot be read.", where="option --stdio", expected=expected, got="a quote that stays open"
        ) from None
    if not words:
        raise UsageError("There is no command.", where="option --stdio", expected=expected)
    return words


def _refuse_both(url: str | None, command: str | None, target: str | None) -> None:
    if url is not None and command is not None:
        raise UsageError("One server at a time.", expected="a URL or --stdio COMMAND", got="both")
    if target and not command:
        raise UsageError(
            "--target says where a command's API requests go.", where="option --target", expected="--stdio COMMAND"
        )
    if url is not None and not url.startswith(("http://", "https://")):
        raise UsageError(
            "This is no address of an MCP server.",
            where="argument URL",
            expected="http:// or https://",
            got="another beginning" if url.strip() else "an empty text",
            hint="a command is given with --stdio; leave both out for the simulator's own server",
        )


@contextmanager
def _connected(
    contract: Contract,
    url: str | None,
    command: str | None,
    target: str | None,
    budget: int,
    seed: int,
    config: Path | None,
) -> Iterator[tuple[Server, str, dict[str, str]]]:
    """The server, what a report calls it, and the ids that are known of it."""
    from whopwatch.mcp import session

    if command:
        with _by_command(contract, command, target, budget, seed, config) as connected:
            yield connected
    elif url:
        company = os.environ.get("WHOP_COMPANY_ID")
        door = session.door_to(url, _readable(contract), _messages(budget))
        key = os.environ.get("WHOP_API_KEY")
        with session.over_http(url, key, door, is_sse=_is_sse(url)) as server:
            yield server, _shown(url, None), {contract.account.resource: company} if company else {}
    else:
        from whopwatch.simulator import embedded

        with embedded(contract, seed=seed) as simulator:
            door = session.door_to(simulator.mcp_url, _readable(contract), _messages(budget))
            with session.over_http(simulator.mcp_url, simulator.api_key, door, is_sse=False) as server:
                yield server, _shown(None, None), {contract.account.resource: simulator.company_id}


@contextmanager
def _by_command(
    contract: Contract, command: str, target: str | None, budget: int, seed: int, config: Path | None
) -> Iterator[tuple[Server, str, dict[str, str]]]:
    from whopwatch.http import Client
    from whopwatch.mcp import session
    from whopwatch.relay import relayed
    from whopwatch.run.target import opened

    words = _words(command)
    with (
        opened(contract, target or "simulator", os.environ, config=config, seed=seed) as ready,
        Client(replace(ready, writable=False), contract, budget=_messages(budget)) as client,
        relayed(client, contract) as relay,
        session.over_stdio(words, {"WHOP_BASE_URL": relay.url, "WHOP_API_KEY": relay.token}) as server,
    ):
        ids = {contract.account.resource: ready.company_id} if ready.company_id else {}
        yield server, f"{_shown(None, command)} at {ready.name}", ids


def _readable(contract: Contract) -> frozenset[str]:
    from whopwatch.contract.mcp_tools import tools_of

    return frozenset(tool.name for tool in tools_of(contract).values() if tool.operation.is_read)


def _messages(budget: int) -> int:
    """What may leave for so many calls: the handshake and the list of tools take some as well."""
    return budget + 30


def _is_sse(url: str) -> bool:
    return url.partition("?")[0].rstrip("/").endswith("/sse")
