"""Show an error to the person who ran the command: without a traceback, a value of a response or a key.

Every error says what is wrong, where, and what to do; whoever raises one leaves out what this module knows as well.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from traceback import extract_tb, print_exception

import click

from whopwatch.core.errors import (
    EXIT_COULD_NOT_CHECK,
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
