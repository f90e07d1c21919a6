"""Shared by these tests: the data folders, and programs that pip cannot install."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


def missing(what: str) -> None:
    """Skip without a program to test with; in CI fail, because nothing may stay unchecked."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must not skip what it checks")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def probes() -> Path:
    """Return the folder under test."""
    return ROOT / "probes"


@pytest.fixture
def run() -> Run:
    """Run a program that must exit with 0 (or `expect`), and return its output."""

    def call(program: str, *arguments: str | Path, expect: int = 0, cwd: Path | None = None) -> str:
        if shutil.which(program) is None:
            missing(program)
        done = subprocess.run(
            [program, *map(str, arguments)],
            cwd=cwd,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        assert done.returncode == expect, done.stdout
        return done.stdout

    return call


@pytest.fixture
def needs() -> Callable[[str], None]:
    """Skip (in CI: fail) unless a Python package can be imported."""

    def check(package: str) -> None:
        try:
            found = find_spec(package)
        except ModuleNotFoundError:
            found = None
        if found is None:
            missing(package)

    return check
