"""`whopwatch baseline`: what nights are compared with, as JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from whopwatch.cli.drift import BASELINE
from whopwatch.cli.folders import make_own
from whopwatch.cli.outputs import STDOUT, write_whole
from whopwatch.core.errors import UsageError
from whopwatch.history import open_baseline, read_baseline
from whopwatch.history.encoding import baseline_from_json, baseline_to_json

FILE = click.Path(path_type=Path)
EXAMPLE = """\b
Examples:
  whopwatch baseline export -o baseline.json
  whopwatch baseline import baseline.json --baseline elsewhere.sqlite
"""


@click.group("baseline", epilog=EXAMPLE)
def baseline() -> None:
    """Export and import what nights are compared with."""


@baseline.command("export")
@click.option("--baseline", "file", type=FILE, default=BASELINE, show_default=True, metavar="FILE", help="Read this.")
@click.option("-o", "--output", default=STDOUT, show_default=True, metavar="FILE", help="Write it here (- for stdout).")
def export(file: Path, output: str) -> None:
    """Write a baseline as JSON."""
    if not os.path.isfile(file):  # False, too, in a folder that may not be looked into
        raise UsageError("There is no baseline to export.", where=str(file), expected="a file that `drift` wrote")
    text = baseline_to_json(read_baseline(file))
    if output == STDOUT:
        sys.stdout.write(text)
    else:
        write_whole(Path(output), text)


@baseline.command("import")
@click.argument("source", type=FILE, metavar="EXPORT")
@click.option("--baseline", "file", type=FILE, default=BASELINE, show_default=True, metavar="FILE", help="Make this.")
@click.option("--force", is_flag=True, help="Replace a baseline that is there.")
def import_(source: Path, file: Path, force: bool) -> None:
    """Make a baseline of an export."""
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "bytes that are not UTF-8"
        raise UsageError("The export cannot be read.", where=str(source), got=got) from None
    records = baseline_from_json(text, str(source))
    make_own(file)
    with open_baseline(file) as held:
        if file.exists() and not force:
            raise UsageError("There is a baseline already.", where=str(file), hint="add --force to replace it")
        held.save(records)
