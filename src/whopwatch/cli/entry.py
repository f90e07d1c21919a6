"""The command `whopwatch` itself: its sub-commands by name, and what any error ends in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from whopwatch import __version__
from whopwatch.cli.fail import show_error
from whopwatch.cli.lazy import LazyGroup
from whopwatch.cli.stdout import open_streams, refuse_unwritten
from whopwatch.core.errors import EXIT_CLEAN, EXIT_INTERRUPTED

COMMANDS = {
    "baseline": ("whopwatch.cli.baseline:baseline", "Export and import what nights are compared with."),
    "check": ("whopwatch.cli.check:check", "Observe a target once and say whether it keeps the contract."),
    "contract": ("whopwatch.cli.contract:contract_command", "Export, verify, show and build the contract."),
    "diff": ("whopwatch.cli.diff:diff", "Compare two contracts, or two releases of the SDK."),
    "drift": ("whopwatch.cli.drift:drift", "Check a target each night and tell what has changed."),
    "mcp": ("whopwatch.cli.mcp:mcp", "Hold an MCP server against the contract."),
    "probe": ("whopwatch.cli.probe:probe", "Probe a target on schedule, for Prometheus."),
    "faults": ("whopwatch.cli.faults:faults", "List the faults that the simulator can be given."),
    "webhook": ("whopwatch.cli.webhook:webhook", "Receive, check and send webhooks."),
    "report": ("whopwatch.cli.report:report", "Show reports again, or several as one."),
    "sdk": ("whopwatch.cli.sdk:sdk", "Drive a release of the official SDK and check what it parses."),
    "simulate": ("whopwatch.cli.simulate:simulate", "Run the embedded Whop API as a server."),
}

EXAMPLE = """\b
Examples:
  whopwatch check                            the embedded simulator
  whopwatch check --target sandbox           Whop's test environment (WHOP_API_KEY)
  whopwatch simulate --port 8080             a stand-in for your own tests
"""


@click.group(cls=LazyGroup, commands_by_name=COMMANDS, epilog=EXAMPLE)
@click.version_option(__version__, prog_name="whopwatch")
@click.option("--traceback", is_flag=True, help="Show the traceback of an unexpected error.")
def root(traceback: bool) -> None:
    """Hold the Whop REST API to what it documents.

    Ends with 0 where everything observed keeps the contract, 1 on drift, 2 on a usage or configuration
    error, and 3 where nothing could be checked.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line `args` (default: the process's own) and return its exit code; never raises."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        open_streams()
        code = _run(arguments)
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:
        command = next((one for one in arguments if not one.startswith("-")), "")
        return show_error(error, traceback="--traceback" in arguments, command=command)
    return code if isinstance(code, int) else EXIT_CLEAN


def _run(arguments: list[str]) -> Any:
    try:
        code = root.main(arguments, prog_name="whopwatch", standalone_mode=False)
        sys.stdout.flush()
    except OSError as error:
        refuse_unwritten(error)
        raise
    return code
