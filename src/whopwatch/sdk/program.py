"""A driver under way: a program of its own that holds one release of an SDK, asked by one line of JSON at a time."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from whopwatch.core.errors import TargetError

SECONDS = 60.0
LONGEST_LINE = 64 << 20
INHERITED = ("PATH", "HOME", "SYSTEMROOT", "LANG", "TMPDIR")


class Program:
    """A driver that is ready. `release` is the version it says it has."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._input, self._output = process.stdin, process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._read = b""
        self.release = str(self._line().get("ready", ""))

    def ask(self, **request: Any) -> dict[str, Any]:
        """The driver's answer to one request; raises TargetError where it gives none."""
        try:
            self._input.write(json.dumps(request).encode() + b"\n")
            self._input.flush()
        except OSError:
            raise _ended() from None
        return self._line()

    def close(self) -> None:
        """Let go of its streams."""
        self._selector.close()

    def _line(self) -> dict[str, Any]:
        until = monotonic() + SECONDS
        while b"\n" not in self._read:
            if not self._selector.select(max(0.0, until - monotonic())):
                raise TargetError("The SDK gives no answer in time.", expected=f"one within {SECONDS:.0f} s")
            chunk = os.read(self._output.fileno(), 1 << 16)
            if not chunk or len(self._read) > LONGEST_LINE:
                raise _ended()
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Program]:
    """A driver as long as the context lasts, with `environ` and little else in its environment.

    What it writes to its standard error is not read: it may hold anything.
    """
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 (the command is our driver and an interpreter that was found)
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**inherited, **environ},
    )
    try:
        program = Program(process)
        try:
            yield program
        finally:
            program.close()
    finally:
        process.kill()
        process.communicate()


def _ended() -> TargetError:
    return TargetError(
        "The SDK's program ended.",
        hint="does this release run with this interpreter? `whopwatch sdk` needs Python 3.11, or Node 20 for npm:",
    )
