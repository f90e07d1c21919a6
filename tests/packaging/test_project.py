"""What the project says of itself is true."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import whopwatch

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_there_is_one_version() -> None:
    assert PROJECT["project"]["version"] == whopwatch.__version__ == version("whopwatch")


def test_the_command_and_the_plugin_are_declared() -> None:
    declared = {(entry.group, entry.value) for entry in entry_points(name="whopwatch")}
    assert {("console_scripts", "whopwatch.cli:main"), ("pytest11", "whopwatch.plugin")} <= declared


def test_every_supported_python_has_its_environment() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    supported = {line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)}
    tested = {f"3.{minor}" for minor in re.findall(r"\bpy3(\d+)\b", (ROOT / "tox.ini").read_text())}
    assert supported == tested
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert all(f'"{name}"' in workflow for name in supported)
