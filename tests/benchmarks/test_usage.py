"""Each benchmark says what it does and how it is called, and measures nothing then."""

from __future__ import annotations

import runpy
import sys

import pytest

NAMES = [
    *(
        "check_cost",
        "detection",
        "detection.run_other_checks",
        "faithful",
        "history",
        "hostile",
        "known_api",
        "loading",
        "nights",
    ),
    *(
        "probes",
        "recording",
        "scrape",
        "sdk_releases",
        "soak",
        "startup",
        "validation",
        "webhooks",
        "webhooks.sdk_handler",
    ),
]


@pytest.mark.parametrize("name", NAMES)
def test_help_ends_a_benchmark(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["benchmark", "--help"])
    monkeypatch.delitem(sys.modules, f"benchmarks.{name}", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: python -m benchmarks.{name} [-h]")
    assert len(shown.splitlines()) > 4
