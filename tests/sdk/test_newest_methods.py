"""SDK 2.6.0, unmodified, calls the methods of two resources at the simulator of the newest edition."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whopwatch.contract import edition_dir
from whopwatch.contract_build.releases import pinned_archive
from whopwatch.contract_build.sources import Sources
from whopwatch.core.errors import SourceError

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def wheel(pytestconfig: pytest.Config) -> Path:
    """The SDK that the edition is made from; without a registry, the tests that need it are skipped outside of CI."""
    try:
        return pinned_archive(
            Sources.read(edition_dir("newest")).packages["python"], pytestconfig.rootpath / ".cache/sdk"
        )
    except SourceError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the SDK package: {error.what}")


def called(wheel: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: another release of the SDK is installed beside whopwatch."""
    command = [sys.executable, "-m", "benchmarks.sdk_methods", str(wheel), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def test_each_method_returns_its_declared_type(wheel: Path) -> None:
    done = called(wheel, "--resource", "products", "--resource", "api_keys")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "14 of 14 methods done sync, 14 async\n"


def test_what_is_not_of_its_declared_type_fails(wheel: Path) -> None:
    done = called(wheel, "--resource", "products", "--fault", "text-as-number@products.retrieve")
    assert done.returncode == 1
    assert "products.retrieve: sync: " in done.stdout
