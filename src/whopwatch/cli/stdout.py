"""What to do when stdout is no good: its reader went away (`| head`), its disk is full, or it was never open."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from whopwatch.core.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


class _Patient(io.FileIO):
    """A stream whose reader may go away: the command goes on unread, and ends with the exit code it has earned.

    Without it click and Rich would end any command with 1, which means drift here.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            _to_nowhere(self.fileno())
            return super().write(data)


def _patient(stream: TextIO) -> TextIO:
    """`stream`, minding no reader that goes away; what is no stream of the process (a test's) stays as it is."""
    if not isinstance(stream, io.TextIOWrapper) or stream not in (sys.__stdout__, sys.__stderr__):
        return stream
    raw = _Patient(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        # Where PYTHONUNBUFFERED is set, nothing stands between the text and the descriptor.
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter does not complain of it at its end."""
    _to_nowhere(sys.stdout.fileno())


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def refuse_unwritten(error: OSError) -> None:
    """Raise UsageError where `error` is one of writing to stdout: those of files are told where they are written."""
    if error.filename is None and error.errno in FULL:
        discard_stdout()
        raise _unusable(error.strerror or "an error") from None


def open_streams() -> None:
    """See that stdout is open, that its reader may go away, and that nothing else takes the place of a closed stream.

    Raises UsageError for a closed stdout. A closed stderr has nobody to complain to, so that it is replaced.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        sys.stdout, sys.stderr = _patient(sys.stdout), _patient(sys.stderr)
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
