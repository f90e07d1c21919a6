"""The folders that several commands work in: a contract, and where fetched SDK packages are kept."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

REPORTS = Path("reports")
"""Where nights are kept unless another place is named: the one folder that is made without being asked for."""

FOLDER = click.option(
    "--contracts",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="A contract folder. Default: the one that comes with whopwatch.",
)
CACHE = click.option(
    "--cache-dir", type=click.Path(path_type=Path), metavar="DIR", help="Where fetched packages are kept."
)


def cache_folder(given: Path | None) -> Path:
    """The folder that was named, else the user's own cache."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return given or Path(home) / "whopwatch"


def make_own(file: Path) -> None:
    """Make the folder of `file` where it lies below `reports`. A folder that somebody named has to be there.

    What cannot be made is told of when the file is opened.
    """
    if REPORTS in file.parents:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
