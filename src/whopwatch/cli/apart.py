"""A call in a process of its own: what it loads is gone when it has ended.

The other process is a Python that runs this module. Call and answer pass through its stdin and stdout, so nothing of
them is seen in a list of processes.
"""

from __future__ import annotations

import atexit
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from whopwatch.core.errors import TargetError

T = TypeVar("T")


def apart(function: Callable[..., T], *arguments: object) -> T:
    """What `function(*arguments)` returns; the function belongs to a module, all the rest can be pickled.

    Raises TargetError where the function does, where it fails otherwise, and where the process ends without a word.
    """
    command = [sys.executable, "-m", "whopwatch.cli.apart"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 (this module)
    atexit.register(process.kill)  # it does not outlive this one
    try:
        told, _ = process.communicate(pickle.dumps((function, arguments)))
    finally:
        atexit.unregister(process.kill)
    if process.returncode:
        raise TargetError("A process ended without a word.", got=f"its exit code {process.returncode}")
    error, answer = pickle.loads(told)  # noqa: S301 (made by this module)
    if error is not None:
        raise TargetError("The target could not be looked at.", got=error)
    returned: T = answer
    return returned


def _main() -> None:
    """What the other process does. Of an unexpected error the kind alone is told: its text may quote an answer."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 (made by this module)
    try:
        told: tuple[str | None, object] = None, function(*arguments)
    except TargetError as error:
        told = error.got or error.what, None
    except Exception as error:
        told = f"an unexpected {type(error).__name__}", None
    pickle.dump(told, out)


if __name__ == "__main__":
    _main()
