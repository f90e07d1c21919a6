"""A report that was written as JSON is read as it was; shards together are one report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reports import nights, samples
from whopwatch.cli import main
from whopwatch.core.errors import ConfigError
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


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not a report"),
        ("[]", "not a report"),
        ("{}", "not a report"),
        ('{"tool": "whopwatch", "schema": 2}', "schema 1"),
        ('{"tool": "whopwatch", "schema": 1}', "other.json, requests"),
        ("[" * 10**5, "more than 300 levels"),
        ("\x00", "cannot be parsed"),
    ],
    ids=["empty", "list", "object", "schema-2", "no-requests", "deep", "null-byte"],
)
def test_another_file_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=reason):
        read_report(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        read_report(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("seconds", "1", "seconds"),
        ("verdict", "fine", "verdict"),
        ("findings", {}, "findings"),
        ("findings", [3], "findings, number 1"),
        ("findings", [{"class": "D5"}], "findings, number 1"),
        ("operations", [{"id": 1, "method": "GET", "path": "/", "state": "drift"}], "operations, number 1.id"),
        ("requests", {"sent": True, "budget": 1, "unsafe": 0}, "requests.sent"),
        ("targets", [{"name": "a"}], "targets, number 1"),
        ("target", None, "target"),
        ("spent", {"list": {}}, "spent.list"),
        ("contract", 7, "contract"),
        ("contract", {"version": [1]}, "contract.version"),
        ("contracts", "x", "contracts"),
        ("api_version", {"supported": "x"}, "api_version.supported"),
        ("incidents", [{"at": 7}], "incidents, number 1.at"),
        ("requests_for_ids", [7], "requests_for_ids"),
        ("left", 7, "left"),
        ("replay", {"ignored": 7}, "replay.ignored"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(tmp_path: Path, key: str, value: object, place: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps({**DRIFT.to_json(), key: value}))
    with pytest.raises(ConfigError) as caught:
        read_report(file)
    assert f"where: {file}, {place}" in str(caught.value)


def test_keys_of_a_newer_version_are_kept_or_ignored(tmp_path: Path) -> None:
    content = DRIFT.to_json()
    content["findings"][0]["of_tomorrow"] = 1
    content["of_tomorrow"] = {"a": 1}
    file = tmp_path / "report.json"
    file.write_text(json.dumps(content))
    assert read_report(file).extra == {"of_tomorrow": {"a": 1}}


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
