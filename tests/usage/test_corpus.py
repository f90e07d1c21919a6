"""Precision and recall of the usage scan, on small integrations whose uses are listed by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.integrations import AIMS, listed, recognition
from benchmarks.upgrades import (
    CORPUS,
    WORKLIST,
    Hunk,
    file_of_tests,
    not_listed,
    patch_of,
    places_of,
    plan,
    read_hunks,
    upgrade_words,
)
from whopwatch.cli import main


@pytest.mark.parametrize(("suffixes", "count"), [((".py",), 12), ((".ts", ".tsx", ".js"), 10)])
def test_every_integration_of_the_corpus_is_listed(suffixes: tuple[str, ...], count: int) -> None:
    assert len([name for name in listed() if name.endswith(suffixes)]) == count


def test_precision_and_recall() -> None:
    scores = recognition()
    for (language, source), score in scores.items():
        precision, recall = AIMS[language, "SDK"]
        problems = f"{language} {source}: {score.problems}"
        assert score.precision >= precision, problems
        assert score.recall >= recall, problems
    assert len(scores) == 6


def test_every_integration_has_tests() -> None:
    assert [name for name in listed() if not file_of_tests(name).is_file()] == []


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(listed()))
def test_the_work_by_hand_is_in_the_worklist(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy2(CORPUS / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    main(upgrade_words(name))
    worklist = json.loads(Path(WORKLIST).read_text(encoding="utf-8"))
    patch = patch_of(name).read_text(encoding="utf-8") if patch_of(name).is_file() else ""
    for part in filter(None, (worklist["edits"], patch)):
        command = ["git", "apply", "--unidiff-zero", "-"]
        subprocess.run(command, cwd=tmp_path, input=part, text=True, check=True)
    assert [problem for hunk in read_hunks(patch) if (problem := not_listed(hunk, places_of(worklist)))] == []
    assert worklist["edits"] or patch or name == "fastapi_webhooks.py"


@pytest.mark.thorough
def test_a_process_writes_the_same_worklist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy2(CORPUS / "billing.ts", tmp_path)
    written = plan("billing.ts", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(upgrade_words("billing.ts")) == 1
    assert json.loads(Path(WORKLIST).read_text(encoding="utf-8")) == written


def test_work_that_is_not_listed_is_counted() -> None:
    places = {"payments.list /data/*/total": {7}, "client": {3}}
    far = ("-print(payment.total)", "+print(payment.total.amount)")
    assert not_listed(Hunk((), (7,), far), places) == "line 7: no entry"
    assert "not in the worklist" in not_listed(Hunk(("payments.list /data/*/user",), (7,), far), places)
    assert "no place" in not_listed(Hunk(("payments.list /data/*/total",), (12,), far), places)
    assert not_listed(Hunk(("payments.list /data/*/total",), (8,), far), places) == ""
    assert not_listed(Hunk(("client",), (1,), ("+import os",)), places) == ""
