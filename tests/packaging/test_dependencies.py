"""Whatever the code imports is declared: an environment of its own lacks what a developer's happens to have."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from whopwatch.core.errors import EXTRAS

ROOT = Path(__file__).parents[2]
DRIVERS = ROOT / "src" / "whopwatch" / "sdk" / "drivers"
"""Programs that run with what they drive, and without what is ours."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared() -> set[str]:
    """The distributions that an installation may bring, extras included, by normal name."""
    project = PROJECT["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {_named(line) for line in lines}


def _named(requirement: str) -> str:
    return _normal(re.split(r"[\s<>=!~;\[]", requirement)[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> Iterator[tuple[str, str]]:
    """Each foreign top-level module and the file that imports it, type-checking imports left out."""
    for file in sorted({*(ROOT / "src").rglob("*.py")} - {*DRIVERS.rglob("*.py")}):
        for node in _run(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "whopwatch":
                    yield top, str(file.relative_to(ROOT))


def _run(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)):
            yield from _run(child)


def test_every_import_of_the_code_is_declared() -> None:
    distributions = packages_distributions()
    undeclared = {
        f"{module} in {file}"
        for module, file in imported()
        if not declared() & set(map(_normal, distributions.get(module, ())))
    }
    assert not undeclared


def test_every_module_of_an_extra_is_announced_with_it() -> None:
    distributions = packages_distributions()
    for module, names in EXTRAS.items():
        for extra in names:
            assert any(_named(line) == _normal(name) for line in _lines(extra) for name in distributions[module])


def _lines(extra: str) -> list[str]:
    """The requirements of `extra`, with those of the extras that it includes."""
    lines = PROJECT["project"]["optional-dependencies"][extra]
    included = [name for line in lines if line.startswith("whopwatch[") for name in line[10:-1].split(",")]
    return [*lines, *(line for name in included for line in _lines(name))]


@pytest.mark.parametrize("name", ["check", "deploy", "dev"])
def test_the_lock_files_hold_what_the_project_asks_for(name: str) -> None:
    """A failure means that pyproject.toml changed: run `tools/lock`."""
    pinned = dict(
        re.findall(r"^([\w.-]+)==([^ ;\\]+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)
    )
    asked = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    if name == "dev":
        groups = PROJECT["dependency-groups"]
        asked += [Requirement(line) for extra in PROJECT["project"]["optional-dependencies"] for line in _lines(extra)]
        asked += [Requirement(line) for group in groups.values() for line in group if isinstance(line, str)]
    for requirement in asked:
        if requirement.name != "whopwatch":
            version = pinned[_normal(requirement.name)]
            assert requirement.specifier.contains(version, prereleases=True), requirement


def test_the_lock_files_agree_and_hold_a_hash_for_everything() -> None:
    """`check` and `deploy` pin what `dev` pins, so that what is tested is what runs."""
    pins = {}
    for name in ("check", "deploy", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
        assert all("--hash=sha256:" in entry for entry in entries)
        pins[name] = {entry.split(" ")[0] for entry in entries}
    assert pins["check"] <= pins["deploy"] <= pins["dev"]
