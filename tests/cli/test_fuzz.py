"""Damaged files of every kind end with a reason and a place (`python -m benchmarks.fuzz` tries more of them)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import Kind, all_kinds, fuzz

pytestmark = pytest.mark.thorough

COUNT = 18
"""Inputs of each kind: 200 in all."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Kind]]:
    folder = tmp_path_factory.mktemp("fuzz")
    return folder, all_kinds(folder)


@pytest.mark.parametrize("name", [
    "har", "report", "report-accept", "baseline", "openapi-diff", "openapi-yaml", "openapi-use", "wheel", "tarball",
    "config", "accepted",
])  # fmt: skip
def test_damaged_files_end_with_a_reason(
    kinds: tuple[Path, list[Kind]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WHOP_API_KEY", "a-key-of-no-account")
    folder, found = kinds
    outcome = fuzz(next(kind for kind in found if kind.name == name), COUNT, 7, folder)
    assert outcome.wrong == []
    assert sum(outcome.codes.values()) == COUNT
    assert outcome.codes[2]


def test_every_kind_is_tried(kinds: tuple[Path, list[Kind]]) -> None:
    assert len(kinds[1]) == 11
