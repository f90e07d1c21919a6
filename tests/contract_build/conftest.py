from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import edition_dir
from whopwatch.contract_build.releases import pinned_archive
from whopwatch.contract_build.sources import Sources
from whopwatch.core.errors import SourceError


@pytest.fixture(scope="session")
def bundle() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((edition_dir() / "bundle.json").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    """A copy of the contract that a test may damage."""
    return Path(shutil.copytree(edition_dir(), tmp_path / "contracts"))


@pytest.fixture(scope="session")
def sdk_archives(pytestconfig: pytest.Config, packages_read_once: None) -> dict[str, Path]:
    """The two SDK packages, fetched once and kept in pytest's cache.

    Without a registry at hand the tests that need them are skipped, except in CI, where they must run.
    """
    cache = pytestconfig.rootpath / ".cache" / "sdk"
    try:
        return {
            language: pinned_archive(package, cache)
            for language, package in Sources.read(edition_dir()).packages.items()
        }
    except SourceError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the SDK packages: {error.what}")
