"""Whether a newer release is out, and the commands that follow it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import edition_dir
from whopwatch.contract_build import releases
from whopwatch.core.errors import SourceError
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import read_side
from whopwatch.sync.watch import ReleaseStatus, ReleaseStep, newest_release

Answering = Callable[[str], None]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Let the registry's client respond with a string."""

    def answer(text: str) -> None:
        def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(command, 0, text, "")

        monkeypatch.setattr(subprocess, "run", run)

    return answer


def test_versions_are_numbers_and_not_words(registry: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    registry("whop-sdk (0.0.10)\nAvailable versions: 0.0.10, 0.0.9, 0.0.10rc1, 0.0.2\n")
    assert releases.published_versions("pypi", "whop-sdk") == ["0.0.2", "0.0.9", "0.0.10"]
    monkeypatch.setattr("shutil.which", lambda name: name)
    registry('["0.0.1-canary.0", "0.0.12", "0.0.3"]')
    assert releases.published_versions("npm", "@whop/sdk") == ["0.0.3", "0.0.12"]


def test_nothing_newer(registry: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    registry("Available versions: 0.0.23, 0.0.9")
    assert main(["contract", "watch"]) == 0
    assert "newest release, 0.0.23" in capsys.readouterr().out
    assert newest_release(edition_dir()) == "0.0.23"


def test_something_newer_ends_with_1(
    registry: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from whopwatch.sync import watch

    registry("Available versions: 0.0.31, 0.0.30, 0.0.23")
    monkeypatch.setattr(watch, "read_side", lambda name, cache: read_side(str(edition_dir()), cache))
    assert main(["contract", "watch", "--json", "-"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["release"], told["newer"], told["findings"]) == ("0.0.23", ["0.0.30", "0.0.31"], [])
    assert [(step["release"], step["changes"]) for step in told["steps"]] == [(str(edition_dir()), {})] * 2
    assert told["newer_versions"] is None


def test_newer_versions_of_a_target_are_listed_with_the_release_that_requests_them(
    registry: Answering, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from whopwatch.run import versions

    survey = versions.VersionSurvey(("2025-01-01", "2026-08-21", "2030-01-01-2", "not a version"), None)
    monkeypatch.setattr(versions, "survey_versions", lambda *_: survey)
    registry("Available versions: 0.0.23")
    assert main(["contract", "watch", "--target", "simulator"]) == 1
    shown = capsys.readouterr().out
    assert "version 2026-08-21 is supported and newer: no read SDK release requests it yet" in shown
    assert "version 2030-01-01-2" in shown
    assert "not a version" not in shown
    assert main(["contract", "watch", "--contract", "newest", "--target", "simulator", "--json", "-"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["newer_versions"] == [{"version": "2030-01-01-2", "release": None}]


def test_the_release_of_a_version_is_the_first_that_requests_it_or_a_later_one() -> None:
    same = compare_sides(*[read_side(str(edition_dir()), Path())] * 2)
    steps = tuple(ReleaseStep(name, version, same) for name, version in (("1", None), ("2", "2026-08-21-1")))
    status = ReleaseStatus("0", ("1", "2"), same, steps, ("2026-08-21", "2026-09-02"))
    assert [status.release_of(version) for version in status.versions or ()] == ["2", None]


def test_a_registry_that_cannot_be_asked_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert main(["contract", "watch"]) == 3
    assert "could not be fetched" in capsys.readouterr().err


def test_a_contract_is_moved_to_python_releases_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["contract", "sync", "npm:0.0.25", "-o", str(tmp_path)]) == 2
    assert "sdk:VERSION" in capsys.readouterr().err


def test_a_version_is_no_option_of_the_client(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no version of a release"):
        releases.fetch_release("pypi", "whop-sdk", "--index-url=elsewhere", tmp_path)
