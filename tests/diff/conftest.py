from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from whopwatch.core.errors import SourceError
from whopwatch.diff.sides import Side, read_side

Read = Callable[[str], Side]


@pytest.fixture(scope="session")
def package_cache(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.rootpath / ".cache" / "sdk"


@pytest.fixture(scope="session")
def release(package_cache: Path, packages_read_once: None) -> Read:
    """Reads a release, each once. Without a registry at hand the test is skipped, except in CI, where it must run."""

    @cache
    def read(name: str) -> Side:
        try:
            return read_side(name, package_cache)
        except SourceError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"needs the SDK packages: {error.what}")

    return read
