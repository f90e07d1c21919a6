"""The command line: `whopwatch`."""

from __future__ import annotations

from whopwatch.cli.entry import main

__all__ = ["main"]
