"""A report that was written as JSON is read as it was; shards together are one report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reports import nights, samples
from whopwatch.cli import main
from whopwatch.core.errors import UsageError
from whopwatch.core.report import Report, Verdict
from whopwatch.history.aggregate import merge_reports
from whopwatch.reports.read import read_report


def written(folder: Path, report: Report, name: str = "report.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(report.to_json()), encoding="utf-8")
    return file


REPORTS = [samples.report(), samples.clean(), samples.refused(), nights.quiet_night(), nights.bad_night()]
DRIFT, CLEAN = samples.report(), samples.clean()


@pytest.mark.parametrize("report", REPORTS)
def test_what_was_written_is_read(tmp_path: Path, report: Report) -> None:
    assert read_report(written(tmp_path, report)).to_json() == report.to_json()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tool": "whopwatch", "schema": 2}', "[" * 10**5, "\x00"])
def test_what_is_no_report_is_told(tmp_path: Path, content: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="no report of whopwatch"):
        read_report(file)
    with pytest.raises(UsageError, match="no report of whopwatch"):
        read_report(tmp_path / "missing.json")


def test_the_same_drift_in_two_shards_is_one_finding(tmp_path: Path) -> None:
    one, other = (replace(DRIFT, target=name) for name in ("acme", "beta"))
    whole = merge_reports([one, other, replace(CLEAN, target="gamma")])
    assert [target.name for target in whole.targets] == ["acme", "beta", "gamma"]
    assert whole.verdict is Verdict.DRIFT
    assert len(whole.findings) == len(DRIFT.findings)
    assert all(finding.targets == ("acme", "beta") for finding in whole.findings)
    assert whole.sent == 2 * one.sent + CLEAN.sent
    again = merge_reports([whole, replace(DRIFT, target="delta")])
    assert all(finding.targets == ("acme", "beta", "delta") for finding in again.findings)


def test_two_nights_of_one_target_are_one_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night, page = written(tmp_path, replace(DRIFT, target="acme")), tmp_path / "page.html"
    assert main(["report", str(night), str(night), "--json", "-", "--html", str(page)]) == 1
    whole: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert whole["target"] == "acme"
    (row,) = whole["targets"]
    breaking = sum(finding.breaks for finding in DRIFT.findings)
    assert (row["name"], row["verdict"], row["sent"], row["findings"]) == ("acme", "drift", 2 * DRIFT.sent, breaking)
    assert " targets" not in page.read_text()
    both = merge_reports([replace(DRIFT, target="acme"), replace(CLEAN, target="acme"), replace(CLEAN, target="beta")])
    assert (both.target, [str(one.verdict) for one in both.targets]) == ("2 targets", ["drift", "clean"])


def test_the_command_puts_shards_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(written(tmp_path, replace(DRIFT, target=name), f"{name}.json")) for name in ("acme", "beta")]
    assert main(["report", *files, "--json", "-"]) == 1
    whole: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [target["name"] for target in whole["targets"]] == ["acme", "beta"]
    assert main(["report", files[0], "--html", str(tmp_path / "page.html")]) == 1
    assert "acme" in (tmp_path / "page.html").read_text()
    assert main(["report", str(tmp_path / "nothing.json")]) == 2
