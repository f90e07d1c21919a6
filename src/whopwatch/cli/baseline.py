"""`whopwatch baseline`: export the drift history as JSON, and import it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from whopwatch.cli._support.options import FILE_PATH, make_reports_folder
from whopwatch.cli._support.outputs import STDOUT, write_whole
from whopwatch.cli.drift import DEFAULT_BASELINE
from whopwatch.core.documents import read_bounded
from whopwatch.core.errors import UsageError
from whopwatch.history import open_baseline, read_baseline
from whopwatch.history.store import baseline_from_json, baseline_to_json

EXAMPLE = """\b
Examples:
  whopwatch baseline export -o baseline.json
  whopwatch baseline import baseline.json --baseline elsewhere.sqlite
"""
BASELINE = click.option(
    "--baseline", "file", type=FILE_PATH, default=DEFAULT_BASELINE, show_default=True, metavar="FILE", help="Baseline."
)


@click.group("baseline", epilog=EXAMPLE)
def baseline_command() -> None:
    """Export or import the drift history."""


@baseline_command.command("export")
@BASELINE
@click.option("-o", "--output", default=STDOUT, show_default=True, metavar="FILE", help="Output file (- for stdout).")
def export_baseline(file: Path, output: str) -> None:
    """Write a baseline as JSON."""
    if not os.path.isfile(file):  # also False in a folder that this user may not read
        raise UsageError("There is no baseline to export.", where=str(file), expected="a file that `drift` wrote")
    text = baseline_to_json(read_baseline(file))
    if output == STDOUT:
        sys.stdout.write(text)
    else:
        write_whole(Path(output), text, is_private=True)


@baseline_command.command("import")
@click.argument("source", type=FILE_PATH, metavar="EXPORT")
@BASELINE
@click.option("--force", is_flag=True, help="Replace an existing baseline.")
def import_baseline(source: Path, file: Path, force: bool) -> None:
    """Create a baseline from an export."""
    try:
        text = read_bounded(source).decode()
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "bytes that are not UTF-8"
        raise UsageError("The export cannot be read.", where=str(source), got=got) from None
    records = baseline_from_json(text, str(source))
    make_reports_folder(file)
    with open_baseline(file) as held:
        if file.exists() and not force:
            raise UsageError("The baseline already exists.", where=str(file), hint="add --force to replace it")
        held.save(records)
