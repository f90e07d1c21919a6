"""What to do when stdout is no good: its reader went away (`| head`), its disk is full, or it was never open."""

from __future__ import annotations

import errno
import os
import sys

from whopwatch.errors import UsageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter does not complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refuse_unwritten(error: OSError) -> None:
    """Raise UsageError where `error` is one of writing to stdout: those of files are told where they are written."""
    if error.filename is None and error.errno in FULL:
        discard_stdout()
        raise _unusable(error.strerror or "an error") from None


def open_streams() -> None:
    """See that stdout is open, and that nothing else ever takes the place of a stream that is closed.

    Raises UsageError for a closed stdout. A closed stderr has nobody to complain to, so that it is replaced.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
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
