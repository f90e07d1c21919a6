"""Recordings at the command line: a recorded run that is checked again, and recordings of other programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.har.conftest import BASE, archive, chrome, saved
from whopwatch.cli import main


def test_a_recorded_check_is_checked_again_without_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    har, report, page = (str(tmp_path / name) for name in ("night.har", "report.json", "page.html"))
    assert main(["check", "--only", "products.list", "--record", har]) == 0
    assert main(["check", "--replay", har, "--json", report, "--html", page]) == 0
    result = json.loads(Path(report).read_text())
    assert result["requests"]["sent"] == 0
    assert result["replay"]["entries"] == result["replay"]["checked"] > 0
    assert [row["id"] for row in result["operations"] if row["state"] == "verified"] == ["products.list"]
    assert "<title>CLEAN: recording of http://127.0.0.1:" in Path(page).read_text()
    assert "Recording: checked " in capsys.readouterr().err


def test_what_no_operation_matches_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = [chrome(f"{BASE}/{'x' * (number + 1)}/usr_Secret{number}", {}) for number in range(25)]
    file = saved(tmp_path, archive(chrome("https://elsewhere.example/", ""), *odd))
    assert main(["check", "--replay", str(file)]) == 3
    err = capsys.readouterr().err
    assert "ignored: 1 x other hosts" in err
    assert "no operation matches: 1 x GET /api/v1/xxx/*" in err
    assert "and 5 more; see the JSON report" in err
    assert "Secret" not in err


def test_the_target_says_where_a_recording_was_made(tmp_path: Path) -> None:
    broken = chrome("http://127.0.0.1:9/v1/products", {"data": 5, "page_info": None})
    file = str(saved(tmp_path, archive(broken)))
    assert main(["check", "--replay", file]) == 3
    assert main(["check", "--replay", file, "--target", "http://127.0.0.1:9/v1"]) == 1
    (tmp_path / "c.toml").write_text('[targets.local]\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert main(["check", "--replay", file, "--target", "local", "--config", str(tmp_path / "c.toml")]) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "products.list"], "cannot be combined with --replay"),
        (["--budget", "5"], "cannot be combined with --replay"),
        (["--record", "again.har"], "cannot be combined with --replay"),
        (["--target", "simulator"], "a target with a lasting URL"),
        (["--target", "prodution"], "did you mean 'production'?"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert main(["check", "--replay", str(saved(tmp_path, archive())), *options]) == 2
    assert words in capsys.readouterr().err


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.har").write_text("<html>")
    assert main(["check", "--replay", str(tmp_path / "a.har")]) == 2
    assert "invalid JSON at line 1" in capsys.readouterr().err
    assert main(["check", "--record", str(tmp_path / "none" / "a.har")]) == 2
