"""The private folder that the workers of pytest-xdist share.

Every session with workers loads this module, with or without contract tests, so that it imports nothing heavy.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

WORKERS_FOLDER = pytest.StashKey[Path]()


def shared_folder(config: pytest.Config) -> Path:
    """Return the folder of this session. The first call creates it; the end of the session deletes it."""
    if WORKERS_FOLDER not in config.stash:
        config.stash[WORKERS_FOLDER] = Path(tempfile.mkdtemp(prefix="whopwatch-"))
        config.add_cleanup(partial(shutil.rmtree, config.stash[WORKERS_FOLDER], ignore_errors=True))
    return config.stash[WORKERS_FOLDER]
