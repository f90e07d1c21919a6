from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.core.wording import DOCUMENTATION_VARIABLE, documentation_page

RUNBOOK = "probes/runbook.md"


def test_a_page_has_its_path_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DOCUMENTATION_VARIABLE, raising=False)
    address = documentation_page(RUNBOOK, "whopproberdown")
    assert address.startswith("https://")
    assert address.endswith("/probes/runbook/#whopproberdown")
    assert (Path(__file__).parents[2] / RUNBOOK).is_file()


def test_a_copy_of_the_documentation_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DOCUMENTATION_VARIABLE, "https://docs.intern.example/whopwatch/")
    assert documentation_page(RUNBOOK) == "https://docs.intern.example/whopwatch/probes/runbook/"
