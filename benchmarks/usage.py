"""How a benchmark is called: each tells it by `--help`, in the words of its module, and measures nothing then."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter


def command_line(text: str | None) -> ArgumentParser:
    """A parser of the command line for the module that was started; `text` is its docstring."""
    spec = sys.modules["__main__"].__spec__
    prog = f"python -m {spec.name.removesuffix('.__main__')}" if spec else None
    return ArgumentParser(prog=prog, description=text, formatter_class=RawDescriptionHelpFormatter)
