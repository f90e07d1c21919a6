"""Print errors for the person who ran the command: no traceback, no value of a response, no key."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from traceback import extract_tb, print_exception

import click

from whopwatch.core.errors import EXIT_COULD_NOT_CHECK, EXIT_USAGE, WhopwatchError, missing_extra


def show_error(error: Exception, *, traceback: bool = False, command: str = "") -> int:
    """Print `error` to stderr and return its exit code. `command` is the sub-command that raised it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    if isinstance(error, click.ClickException):
        _print(error.format_message(), _where_to_read_on(error))
        return EXIT_USAGE
    if isinstance(error, WhopwatchError):
        _print(str(error))
        return error.exit_code
    missing = missing_extra(error, wanted=command) if isinstance(error, ModuleNotFoundError) else None
    if missing:
        _print(str(missing))
        return missing.exit_code
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


def _print(*lines: str) -> None:
    color = False if os.environ.get("NO_COLOR") else None
    with suppress(OSError):  # if stderr cannot be written to, the exit code remains
        click.secho("Error: ", fg="red", bold=True, nl=False, err=True, color=color)
        click.echo("\n".join(line for line in lines if line), err=True, color=color)


def _where_to_read_on(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"  what to do: `{context.command_path} --help` lists the options" if context else ""


def _place(error: Exception) -> str:
    """Return the innermost line of whopwatch's code in the traceback."""
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if "whopwatch" in frame.filename] or list(frames)
    if not own:
        return "unknown"
    _, _, name = own[-1].filename.replace(os.sep, "/").rpartition("/whopwatch/")
    return f"whopwatch/{name}, line {own[-1].lineno}, Python {sys.version.split()[0]}"
