"""What to do when the reader of stdout goes away before the end (`whopwatch contract export | head`)."""

from __future__ import annotations

import os
import sys


def discard_stdout() -> None:
    """Point stdout at nothing, so that the interpreter does not complain of the closed pipe at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
