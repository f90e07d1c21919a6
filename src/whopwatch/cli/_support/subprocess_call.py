"""Call a function in a process of its own, whose memory is freed when the call ends.

The process is a Python that runs this module. Call and result pass through its stdin and stdout, so nothing of them
appears in a list of processes.
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

Result = TypeVar("Result")


def call_in_subprocess(function: Callable[..., Result], *arguments: object, timeout: float | None = None) -> Result:
    """Return `function(*arguments)`. The function must belong to a module, arguments and result must be picklable.

    Raise TargetError if the function does, if it fails in another way, or if the process ends without a result. After
    `timeout` seconds the process is killed.
    """
    command = [sys.executable, "-m", "whopwatch.cli._support.subprocess_call"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 (this module)
        atexit.register(process.kill)  # it must not outlive this process
        try:
            result, _ = process.communicate(pickle.dumps((function, arguments)), timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TargetError("A child process did not end in time.", got=f"no result within {timeout:g} s") from None
        except BaseException:  # Ctrl-C, which may reach this process alone: the child would go on sending requests
            process.kill()
            process.wait()
            raise
        finally:
            atexit.unregister(process.kill)
    if process.returncode:
        raise TargetError("A child process ended without a result.", got=f"exit code {process.returncode}")
    error, answer = pickle.loads(result)  # noqa: S301 (made by this module)
    if error is not None:
        raise TargetError("The target could not be checked.", got=error)
    returned: Result = answer
    return returned


def _main() -> None:
    """Run in the child process. Of an unexpected error only the type is returned: its text may quote a response."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    out, sys.stdout = sys.stdout.buffer, sys.stderr
    function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 (made by this module)
    try:
        result: tuple[str | None, object] = None, function(*arguments)
    except TargetError as error:
        result = error.got or error.what, None
    except Exception as error:
        result = f"an unexpected {type(error).__name__}", None
    pickle.dump(result, out)


if __name__ == "__main__":
    _main()
