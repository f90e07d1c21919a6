"""The root command `whopwatch` and its subcommands."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from whopwatch import __version__
from whopwatch.cli._support.colors import MODES
from whopwatch.cli._support.errors import show_error
from whopwatch.cli._support.streams import open_streams, refuse_unwritten
from whopwatch.core.errors import (
    EXIT_CLEAN,
    EXIT_INTERRUPTED,
)

COMMANDS = {
    "accept": ("whopwatch.cli.accept:accept_command", "Accept findings, so that they no longer count."),
    "baseline": ("whopwatch.cli.baseline:baseline_command", "Export or import the drift history."),
    "check": ("whopwatch.cli.check:check_command", "Check a target against the contract."),
    "completion": ("whopwatch.cli.completion:completion_command", "Print the completion script of a shell."),
    "contract": ("whopwatch.cli.contract:contract_command", "Export, verify, show and build the contract."),
    "diff": ("whopwatch.cli.diff:diff_command", "Compare two contracts or SDK releases."),
    "drift": ("whopwatch.cli.drift:drift_command", "Check a target and report what changed since last night."),
    "mcp": ("whopwatch.cli.mcp:mcp_command", "Check an MCP server against the contract."),
    "probe": ("whopwatch.cli.probe:probe_command", "Probe a target on schedule and export to Prometheus."),
    "fields": ("whopwatch.cli.fields:fields_command", "Find fields that your code reads and no response had."),
    "faults": ("whopwatch.cli.faults:faults_command", "List the faults that the simulator can inject."),
    "webhook": ("whopwatch.cli.webhook:webhook", "Receive, check and send webhook deliveries."),
    "report": ("whopwatch.cli.report:report_command", "Show JSON reports again, or merge several into one."),
    "sdk": ("whopwatch.cli.sdk:sdk_command", "Test an SDK release against a target."),
    "upgrade": ("whopwatch.cli.upgrade:upgrade_command", "List what an upgrade of the API changes for your code."),
    "usage": ("whopwatch.cli.usage:usage_command", "List the operations and fields that your code uses."),
    "versions": ("whopwatch.cli.versions:versions_command", "Show which API versions a target supports and uses."),
    "simulate": ("whopwatch.cli.simulate:simulate_command", "Run the embedded Whop API as a server."),
}
GROUPS = ("baseline", "contract", "webhook")
"""The commands that have commands of their own."""
VERSION_HELP = "Show the version of whopwatch and of its contracts, and exit."
EXAMPLE = """\b
Examples:
  whopwatch check                            the embedded simulator
  whopwatch check --target sandbox           Whop's test environment (WHOP_API_KEY)
  whopwatch simulate --port 8080             a mock API for your own tests
"""


class LazyGroup(click.Group):
    """A group that imports a command only when it is called, so that `--help` is fast.

    `commands_by_name` maps the name of a command to its location (`module:attribute`) and its one-line help.
    """

    def __init__(self, *args: Any, commands_by_name: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command called `cmd_name`, or return None."""
        if cmd_name not in self._by_name:
            return None
        module, _, attribute = self._by_name[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest commands for a misspelt name. click itself only suggests imported ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(args[0], possibilities=self._by_name, ctx=ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._by_name[name][1]) for name in self.list_commands(ctx)])


def _show_version(context: click.Context, _: click.Parameter, is_wanted: bool) -> None:
    if not is_wanted or context.resilient_parsing:
        return
    from whopwatch.contract import editions, load
    from whopwatch.contract.loader import describe_contract
    from whopwatch.reports.text import contract_words

    click.echo(f"whopwatch, version {__version__}")
    for edition in editions():
        click.echo(f"contract {contract_words(describe_contract(load(edition.folder)))}")
    context.exit()


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    epilog=EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, callback=_show_version, expose_value=False, is_eager=True, help=VERSION_HELP)
@click.option("--color", type=click.Choice(MODES), default="auto", show_default=True, help="When to print colours.")
@click.option("--traceback", is_flag=True, help="Show the traceback of an unexpected error.")
def root(color: str, traceback: bool) -> None:
    """Check the Whop REST API against its documentation.

    Exit codes: 0 clean, 1 drift, 2 usage or configuration error, 3 could not check, 130 interrupted.
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line `args` (default: that of the process) and return the exit code. Never raise."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        open_streams()
        with _sigterm_as_ctrl_c():
            code = _run(arguments)
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except Exception as error:
        return show_error(error, traceback="--traceback" in arguments, command=_command_of(arguments))
    return code if isinstance(code, int) else EXIT_CLEAN


def _command_of(arguments: Sequence[str]) -> str:
    """Return the command that `arguments` name, such as `check` or `webhook send`; an empty string without one."""
    words = [one for one in arguments if not one.startswith("-")]
    place = next((place for place, word in enumerate(words) if word in COMMANDS), None)
    return "" if place is None else " ".join(words[place : place + (2 if words[place] in GROUPS else 1)])


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does: a run reports what it saw. Servers set handlers of their own."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str]) -> Any:
    try:
        code = root.main(arguments, prog_name="whopwatch", standalone_mode=False)
        sys.stdout.flush()
    except OSError as error:
        refuse_unwritten(error)
        raise
    return code
