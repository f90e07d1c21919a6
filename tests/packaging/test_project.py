"""What the project says of itself is true."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import click
import pytest

import whopwatch
from whopwatch.cli._support.root import root

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

PAGES = sorted(page for pattern in ("*.md", "[!.]*/*.md") for page in ROOT.glob(pattern))
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for block in SHELL.findall((ROOT / "README.md").read_text())
    for line in block.splitlines()
    if line.startswith("whopwatch ")
]


def test_there_is_one_version() -> None:
    assert PROJECT["project"]["version"] == whopwatch.__version__ == version("whopwatch")


def test_the_command_and_the_plugin_are_declared() -> None:
    declared = {(entry.group, entry.value) for entry in entry_points(name="whopwatch")}
    assert {("console_scripts", "whopwatch.cli:main"), ("pytest11", "whopwatch.pytest_plugin")} <= declared


def test_every_supported_python_has_its_environment() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    supported = {line.rpartition(" ")[2] for line in classifiers if re.search(r":: 3\.\d+$", line)}
    tested = {f"3.{minor}" for minor in re.findall(r"\bpy3(\d+)\b", (ROOT / "tox.ini").read_text())}
    assert supported == tested
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert all(f'"{name}"' in workflow for name in supported)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_is_understood(line: str) -> None:
    args = shlex.split(line, comments=True)[1:]
    command: click.Command = root
    context = root.make_context("whopwatch", list(args))
    while isinstance(command, click.Group):
        name, found, args = command.resolve_command(context, args)
        assert found is not None
        command, context = found, found.make_context(name, list(args), parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_what_no_registry_has(page: Path) -> None:
    assert not re.search(r"pip install +['\"]?whopwatch", page.read_text())
