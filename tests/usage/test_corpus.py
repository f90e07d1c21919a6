"""Precision and recall of the usage scan, on small integrations whose uses are listed by hand."""

from __future__ import annotations

import pytest

from benchmarks.integrations import AIMS, CORPUS, NEW, OLD, listed, recognition, run_integration


@pytest.mark.parametrize(("suffixes", "count"), [((".py",), 11), ((".ts", ".tsx", ".js"), 8)])
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


@pytest.mark.thorough
def test_an_integration_without_the_sdk_passes_after_the_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUS_IDS", "")
    monkeypatch.setenv("CORPUS_VERSION", "")
    assert run_integration("raw_httpx.py", OLD, [CORPUS])
    assert not run_integration("raw_httpx.py", NEW, [CORPUS])
    assert run_integration("raw_httpx.py", NEW, [CORPUS / "upgraded"])
