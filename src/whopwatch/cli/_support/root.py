"""The root command `whopwatch` and its subcommands, and how an error is shown to the person who ran one.

Every error says what is wrong, where, and what to do; whoever raises one leaves out what this module knows as well.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from traceback import extract_tb, print_exception
from typing import Any

import click

from whopwatch import __version__
from whopwatch.cli._support.streams import MODES, open_streams, refuse_unwritten
from whopwatch.core.errors import (
    EXIT_CLEAN,
    EXIT_COULD_NOT_CHECK,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    ConfigError,
    WhopwatchError,
    missing_extra,
    quoted_input,
)

_VALUE_AND_RULE = re.compile(r"'?(?P<got>.*?)'? (?:is|does) not (?P<rule>.*?)\.?", re.DOTALL)
"""The message of an invalid value: `'x' is not a valid float.`"""
_RANGE = re.compile(r"in the range (?:(?P<lowest>[\d.-]+)<=x<=(?P<highest>[\d.-]+)|x>=(?P<least>[\d.-]+))")
_RULES = {
    "a valid integer": "a whole number",
    "a valid float": "a number",
    "match the format '%Y-%m-%d'": "a date such as 2026-12-31",
}
"""The rules of the command-line parser, in plain words."""


def show_error(error: Exception, *, traceback: bool = False, command: str = "") -> int:
    """Print `error` to stderr and return its exit code. `command` is the sub-command that raised it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    if isinstance(error, click.ClickException):
        error = _of_click(error, command)
    elif isinstance(error, ModuleNotFoundError):
        error = missing_extra(error, wanted=command.partition(" ")[0]) or error
    if isinstance(error, WhopwatchError):
        _print(str(_complete(error, command)))
        return error.exit_code
    if traceback:
        print_exception(error)
    else:
        # The message of an unexpected error may quote a response, so only its type and place are shown.
        _print(
            f"This is a bug in whopwatch: an unexpected {type(error).__name__}.",
            f"  where: {_place(error)}",
            "  what to do: report it with the traceback of `whopwatch --traceback ...`, which may show response data",
        )
    return EXIT_COULD_NOT_CHECK


def _complete(error: WhopwatchError, command: str) -> WhopwatchError:
    """Add the place and the next step to an error that names none."""
    program = f"whopwatch {command}".strip()
    if error.where is None:
        error.where = f"`{program}`"
    if error.hint is None:
        option = re.search(r"option (--[\w-]+)", error.where)
        if option:
            error.hint = f"`{program} --help` explains {option[1]}"
        elif isinstance(error, ConfigError):
            error.hint = "correct it there, then run the command again"
        else:
            error.hint = f"`{program} --help` shows examples"
    return error


def _of_click(error: click.ClickException, command: str) -> WhopwatchError:
    """Return an error of the parser of command lines with the parts that every error has."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    program = context.command_path if context else f"whopwatch {command}".strip()
    param = error.param if isinstance(error, click.BadParameter) else None
    found = _VALUE_AND_RULE.fullmatch(error.message) if param else None
    if param is None or found is None:
        hint = f"`{program} --help` lists the options"
        return WhopwatchError(error.format_message(), where=f"`{program}`", hint=hint)
    is_option = isinstance(param, click.Option)
    name = max(param.opts, key=len) if is_option else (param.human_readable_name or "").upper()
    return WhopwatchError(
        f"Invalid value for {name}.",
        where=f"{'option' if is_option else 'argument'} {name}",
        expected=_expected(found["rule"]),
        got=quoted_input(found["got"]),
        hint=f"`{program} --help` explains {name}",
    )


def _expected(rule: str) -> str:
    within = _RANGE.match(rule)
    if within:
        least = within["least"]
        return f"a number of at least {least}" if least else f"a number from {within['lowest']} to {within['highest']}"
    return _RULES.get(rule, rule)


def _print(*lines: str) -> None:
    color = False if os.environ.get("NO_COLOR") else None
    with suppress(OSError):  # if stderr cannot be written to, the exit code remains
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True, color=color)
        click.echo("\n".join(line for line in lines if line), err=True, color=color)


def _place(error: Exception) -> str:
    """Return the innermost line of whopwatch's code in the traceback."""
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if "whopwatch" in frame.filename] or list(frames)
    if not own:
        return "unknown"
    _, _, name = own[-1].filename.replace(os.sep, "/").rpartition("/whopwatch/")
    return f"whopwatch/{name}, line {own[-1].lineno}, Python {sys.version.split()[0]}"


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
    from whopwatch.contract.loader import describe_edition, editions
    from whopwatch.reports.text import contract_words

    click.echo(f"whopwatch, version {__version__}")
    for edition in editions():
        click.echo(f"contract {contract_words(describe_edition(edition))}")
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
