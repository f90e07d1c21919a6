"""The private folder that the workers of pytest-xdist share.

Every session with workers loads this module, with or without contract tests, so that it imports nothing heavy.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

FOLDER = pytest.StashKey[Path]()


def shared_folder(config: pytest.Config) -> Path:
    """Return the folder of this session. The first call creates it; the end of the session deletes it."""
    if FOLDER not in config.stash:
        config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="whopwatch-"))
        config.add_cleanup(partial(shutil.rmtree, config.stash[FOLDER], ignore_errors=True))
    return config.stash[FOLDER]
