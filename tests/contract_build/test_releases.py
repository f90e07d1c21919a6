from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract_build import releases
from whopwatch.contract_build.releases import Release
from whopwatch.contract_build.sources import Package, Sources
from whopwatch.core.errors import SourceError
from whopwatch.sdk.releases import install_release

CONTENT = b"a package"
PYTHON = Package("pypi", "made-up", "1.0", "made_up.whl", hashlib.sha256(CONTENT).hexdigest())
NPM = Package("npm", "@made/up", "1.0", "made-up.tgz", hashlib.sha256(CONTENT).hexdigest())


def test_a_cached_package_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up.whl").write_bytes(CONTENT)
    monkeypatch.setattr(subprocess, "run", None)
    assert releases.pinned_archive(PYTHON, tmp_path) == tmp_path / "made_up.whl"


@pytest.mark.parametrize("package", [PYTHON, NPM])
def test_fetched_by_name_with_the_registrys_own_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package
) -> None:
    commands = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        (tmp_path / "cache" / package.file).write_bytes(CONTENT)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(shutil, "which", lambda name: f"/somewhere/{name}")
    assert releases.pinned_archive(package, tmp_path / "cache").read_bytes() == CONTENT
    assert commands[0][-1] == {"pypi": "made-up==1.0", "npm": "@made/up@1.0"}[package.registry]


def test_packages_are_kept_in_a_folder_that_may_be_written(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.touch()
    with pytest.raises(SourceError, match="Fetched packages cannot be kept there") as raised:
        releases.pinned_archive(PYTHON, occupied)
    assert (raised.value.where, "--cache-dir" in str(raised.value)) == (str(occupied), True)
    with pytest.raises(SourceError, match="cannot be installed there"):
        install_release(Release("sdk", "0.0.23"), occupied)


def test_a_package_of_another_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "made_up.whl").write_bytes(b"another package")
    with pytest.raises(SourceError, match="is not the pinned package") as raised:
        releases.pinned_archive(PYTHON, tmp_path)
    assert raised.value.expected == f"sha256 {PYTHON.sha256}"


def test_a_missing_npm_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SourceError, match="npm is needed to fetch @made/up"):
        releases.pinned_archive(NPM, tmp_path)


def test_what_the_client_said_last_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: Any) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="looking\nno such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SourceError, match="could not be fetched") as raised:
        releases.pinned_archive(PYTHON, tmp_path)
    assert raised.value.got == "no such package"


def test_a_registry_that_serves_another_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 0, "", ""))
    with pytest.raises(SourceError, match="is missing") as raised:
        releases.pinned_archive(PYTHON, tmp_path)
    assert raised.value.expected == "made_up.whl"


@pytest.mark.parametrize(
    "text", ["", "[sdk.python]\nname = 1\n", "not toml", '[counts]\noperations = 1\n[sdk]\npython = "x"\n']
)
def test_malformed_declaration_of_the_sources(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.toml").write_text(text)
    with pytest.raises(SourceError, match="cannot be used"):
        Sources.read(tmp_path)


def test_missing_declaration_of_the_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is missing"):
        Sources.read(tmp_path)
