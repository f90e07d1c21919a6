"""The folders that several commands work in: a contract, and where fetched SDK packages are kept."""

from __future__ import annotations

import os
from pathlib import Path

import click

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
