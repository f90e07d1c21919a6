"""The streams of a command: where colours are printed, and a stdout that fails."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

import click

from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import safe_output

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
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


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class _UnreadStream(io.FileIO):
    """A stream whose reader may go away: the command continues and ends with its own exit code.

    Without it click and Rich would end the command with 1, which means drift.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            _redirect_to_null(self.fileno())
            return super().write(data)


class _SafeText(io.TextIOWrapper):
    """A stream whose output has no secret, and no line that a CI system takes for a command."""

    _begins_line = True

    def write(self, text: str, /) -> int:
        super().write(safe_output(text, begins_line=self._begins_line))
        if text:
            self._begins_line = not text.rpartition("\n")[2].strip()
        return len(text)


def _tolerate_no_reader(stream: TextIO) -> TextIO:
    """Return `stream` so that its reader may go away, and its text is safe. A stream of a test is not changed."""
    if not isinstance(stream, io.TextIOWrapper) or stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    raw = _UnreadStream(stream.fileno(), "w", closefd=False)
    return _SafeText(
        # With PYTHONUNBUFFERED there must be no buffer before the descriptor.
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        # A terminal of cp1252 or ASCII has no character for a rule or an ellipsis: show another one, do not fail.
        errors="replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def discard_stdout() -> None:
    """Redirect stdout to the null device, so that the interpreter does not print an error at exit."""
    _redirect_to_null(sys.stdout.fileno())


def _redirect_to_null(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def refuse_unwritten(error: OSError) -> None:
    """Raise UsageError if `error` is about writing to stdout. Errors of files are reported where they are written."""
    if error.filename is None and error.errno in FULL:
        discard_stdout()
        raise _unusable(error.strerror or "an error") from None


def open_streams() -> None:
    """Make sure that stdout is open, that its reader may go away, and that no file reuses a closed descriptor.

    Raise UsageError if stdout is closed. A closed stderr is replaced by the null device: no message could reach it.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        sys.stdout, sys.stderr = _tolerate_no_reader(sys.stdout), _tolerate_no_reader(sys.stderr)
        return
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open as long as the process lives
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
        raise _unusable("a closed stream")


def _unusable(got: str) -> UsageError:
    return UsageError(
        "The output cannot be written.",
        where="standard output",
        got=got,
        hint="send it somewhere else, or to /dev/null",
    )
