"""`whopwatch check` at targets that are not what they should be: a clear verdict, the right exit code."""

from __future__ import annotations

import json
import socket

import pytest

from tests.cli.conftest import ANSWERS, KEY, serving
from whopwatch.cli import main

EXPECTED_REASONS = {
    "refuses the key": "API rejected the key (401)",
    "answers HTML": "target returns HTML",
    "redirects": "target redirects elsewhere",
    "is empty": "list is empty",
}


@pytest.mark.parametrize("kind", EXPECTED_REASONS)
def test_a_target_that_shows_nothing_ends_with_3_and_says_why(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHOP_API_KEY", KEY)
    monkeypatch.setenv("WHOP_COMPANY_ID", "biz_mine")
    with serving(ANSWERS[kind]) as (url, seen):
        assert main(["check", "--target", url]) == 3
    shown = capsys.readouterr().out
    verdict = shown[shown.index("COULD NOT CHECK") :]
    assert EXPECTED_REASONS[kind] in " ".join(verdict.split())
    assert "0 of 79 reads verified" in shown
    assert KEY not in shown
    assert "not selected, for ids" not in " ".join(shown.split())
    assert all(request.startswith("GET ") for request in seen)
    assert len(seen) < 10 or kind == "is empty"


def test_a_port_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api/v1"
        assert main(["check", "--target", url, "--json", "-"]) == 3
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["verdict"] == "could-not-check"
    assert "cannot be reached" in report["reason"]
    assert {row["state"] for row in report["operations"]} == {"could-not-check", "not-covered"}
    assert "COULD NOT CHECK" in err


def test_a_target_that_only_fails_is_given_up(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ANSWERS["fails"]) as (url, seen):
        assert main(["check", "--target", url]) == 3
    assert "Every request returned a server error (500)" in capsys.readouterr().out
    assert len(seen) < 10


def test_the_budget_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_API_KEY", KEY)
    with serving(ANSWERS["is empty"]) as (url, seen):
        assert main(["check", "--target", url, "--budget", "3"]) == 3
    assert len(seen) == 3
