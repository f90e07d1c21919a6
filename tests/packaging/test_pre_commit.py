"""`.pre-commit-hooks.yaml`: what pre-commit installs and runs in the repositories of users."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from whopwatch.cli import main
from whopwatch.contract import edition_dir

ROOT = Path(__file__).parents[2]
HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
OLD = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {"responses": {}}}}}


def run(id: str, *arguments: str) -> int:
    """Run a hook as pre-commit does: its entry and the arguments of the user's configuration, without file names."""
    return main([*shlex.split(HOOKS[id]["entry"])[1:], *arguments])


@pytest.mark.parametrize("id", HOOKS)
def test_a_hook_installs_the_extra_that_exists(id: str) -> None:
    hook = HOOKS[id]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (dependency,) = hook["additional_dependencies"]
    assert dependency.removeprefix(".[").removesuffix("]") in extras
    assert (hook["language"], hook["pass_filenames"]) == ("python", False)
    assert hook["entry"].startswith("whopwatch ")


@pytest.mark.thorough
def test_verify_notices_a_change_of_a_contract(tmp_path: Path) -> None:
    folder = tmp_path / "contracts" / "ours"
    shutil.copytree(edition_dir(), folder)
    assert re.search(HOOKS["whopwatch-contract-verify"]["files"], "contracts/ours/v1/openapi.yaml")
    assert run("whopwatch-contract-verify", "--contract", str(folder)) == 0
    file = next(iter(sorted(folder.glob("v1/**/*.yaml"))))
    file.write_text(file.read_text(encoding="utf-8") + "\nx-edited: true\n", encoding="utf-8")
    assert run("whopwatch-contract-verify", "--contract", str(folder)) == 1


def test_diff_notices_a_change_of_a_document(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(yaml.safe_dump(OLD), encoding="utf-8")
    new.write_text(yaml.safe_dump(OLD), encoding="utf-8")
    assert re.search(HOOKS["whopwatch-diff"]["files"], "api/new.yaml")
    assert run("whopwatch-diff", str(old), str(new)) == 0
    new.write_text(yaml.safe_dump({**OLD, "paths": {}}), encoding="utf-8")
    assert run("whopwatch-diff", str(old), str(new)) == 1
