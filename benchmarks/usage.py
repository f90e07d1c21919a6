"""The command line of benchmarks: `--help` prints the module's docstring and measures nothing."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter


def command_line(text: str | None) -> ArgumentParser:
    """Return a parser for the started module. `text` is its docstring."""
    spec = sys.modules["__main__"].__spec__
    prog = f"python -m {spec.name.removesuffix('.__main__')}" if spec else None
    return ArgumentParser(prog=prog, description=text, formatter_class=RawDescriptionHelpFormatter)
