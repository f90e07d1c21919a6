"""`--operation` and `--exclude` select operations, `--fault` shows what a broken one looks like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main

SMALL = ["--budget", "20"]


def check(*options: str) -> tuple[int, dict[str, Any]]:
    code = main(["check", *SMALL, "--json", "report.json", *options])
    return code, json.loads(Path("report.json").read_text())


def verified(report: dict[str, Any]) -> set[str]:
    return {row["id"] for row in report["operations"] if row["state"] == "verified"}


def test_a_pattern_selects_and_another_leaves_out() -> None:
    code, report = check("--operation", "p*.list", "--operation", "reviews.list", "--exclude", "payments.*")
    assert code == 0
    assert "reviews.list" in verified(report)
    assert {"products.list", "plans.list"} < verified(report)
    assert not any(id.startswith("payments.") for id in verified(report))
    assert all(id.endswith(".list") for id in verified(report))


def test_exclude_alone_keeps_the_rest() -> None:
    _, report = check("--resource", "products", "--exclude", "products.list")
    assert verified(report) == {"products.retrieve"}


@pytest.mark.parametrize("option", ["--operation", "--exclude"])
@pytest.mark.parametrize("command", ["check", "drift"])
def test_a_pattern_that_matches_nothing_is_refused(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, option, "paiments.*"]) == 2
    error = capsys.readouterr().err
    assert f"where: option {option}" in error
    assert "paiments.*" in error


def test_a_fault_makes_the_report_red() -> None:
    code, report = check("--only", "products.list", "--fault", "field-missing@products.list")
    assert code == 1
    assert {finding["operation"] for finding in report["findings"]} == {"products.list"}
    assert check("--only", "products.list")[0] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fault", "field-mising"], "did you mean 'field-missing'?"),
        (["--fault", "field-missing", "--target", "http://127.0.0.1:9/api/v1"], "--fault requires the simulator."),
        (["--fault", "field-missing", "--replay", "x.har"], "--fault cannot be combined with --replay."),
        (["--operation", "payments.*", "--replay", "x.har"], "--operation cannot be combined with --replay."),
    ],
)
def test_a_fault_or_pattern_in_the_wrong_place_is_refused(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *options]) == 2
    assert words in capsys.readouterr().err
