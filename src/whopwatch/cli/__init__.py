"""The command line: `whopwatch`."""

from __future__ import annotations

from whopwatch.cli._support.root import main

__all__ = ["main"]
