"""How an error looks to the person who ran the command. No traceback, no value of a response, no key."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from traceback import extract_tb, print_exception

import click

from whopwatch.core.errors import EXIT_COULD_NOT_CHECK, EXIT_USAGE, WhopwatchError

EXTRAS = {
    "jsonpath_rfc9535": "build",
    "openapi_spec_validator": "build",
    "tree_sitter": "build",
    "tree_sitter_typescript": "build",
    "prometheus_client": "probe",
    "httpx2": "mcp",
    "mcp": "mcp",
    "mcp_types": "mcp",
    "hypothesis": "generate",
    "requests": "generate",
    "schemathesis": "generate",
    "urllib3": "generate",
}
"""Modules that not every installation has, and the extra that brings each."""


def show_error(error: Exception, *, traceback: bool = False) -> int:
    """Print `error` to stderr and return the exit code that it stands for."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    if isinstance(error, click.ClickException):
        _print(error.format_message(), _where_to_read_on(error))
        return EXIT_USAGE
    if isinstance(error, WhopwatchError):
        _print(str(error))
        return error.exit_code
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    extra = EXTRAS.get((missing or "").partition(".")[0])
    if extra:
        _print(
            f"This command needs packages that `whopwatch check` does not: {missing} is not installed.",
            # By the interpreter that runs this: another pip would not know whopwatch, which no registry has.
            f"  what to do: {shlex.quote(sys.executable)} -m pip install 'whopwatch[{extra}]'",
        )
        return EXIT_USAGE
    if traceback:
        print_exception(error)
    else:
        # The text of a foreign error may quote what it choked on, so that only its kind and place are shown.
        _print(
            f"This is a bug in whopwatch: an unexpected {type(error).__name__}.",
            f"  where: {_place(error)}",
            "  what to do: run `whopwatch --traceback ...` for the traceback (it may show data of the target) "
            "and report it",
        )
    return EXIT_COULD_NOT_CHECK


def _print(*lines: str) -> None:
    color = False if os.environ.get("NO_COLOR") else None
    with suppress(OSError):  # where even stderr cannot be written to, the exit code still tells
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True, color=color)
        click.echo("\n".join(line for line in lines if line), err=True, color=color)


def _where_to_read_on(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"  what to do: `{context.command_path} --help` shows what there is" if context else ""


def _place(error: Exception) -> str:
    """The innermost line of whopwatch's own code that the error passed through."""
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if "whopwatch" in frame.filename] or list(frames)
    if not own:
        return "unknown"
    _, _, name = own[-1].filename.replace(os.sep, "/").rpartition("/whopwatch/")
    return f"whopwatch/{name}, line {own[-1].lineno}, Python {sys.version.split()[0]}"
