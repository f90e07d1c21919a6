"""Decide where to print colours: --color, then NO_COLOR and FORCE_COLOR, then whether the stream is a terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

MODES = ("auto", "always", "never")


def color_mode() -> str:
    """Return the value of --color of the running command, `auto` outside of one."""
    context = click.get_current_context(silent=True)
    return str(context.find_root().params.get("color") or MODES[0]) if context else MODES[0]


def has_color(*, stderr: bool = False) -> bool:
    """Return whether to print colours to stdout, or to stderr."""
    mode = color_mode()
    if mode != "auto":
        return mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stderr if stderr else sys.stdout).isatty()


def make_console(*, stderr: bool = False) -> Console:
    """Return a console of Rich for stdout or stderr. Cursor codes depend on the stream alone, not on the colours."""
    from rich.console import Console

    colored = has_color(stderr=stderr)
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, force_terminal=colored or is_terminal, no_color=not colored)
