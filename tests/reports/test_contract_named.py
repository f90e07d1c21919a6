"""Every report names its contract: version, release, date, operations, and how many newer versions are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.reports import samples
from whopwatch.contract import load
from whopwatch.contract.loader import describe_contract, newer_versions
from whopwatch.core.report import contract_facts
from whopwatch.history.aggregate import merge_reports
from whopwatch.reports import FILE_NAMES, render, terminal
from whopwatch.reports.text import contract_words, version_line

FACTS = {"version": "2025-01-01", "release": "sdk:0.0.23", "date": "2026-01-09", "operations": 149, "newer_versions": 2}
WORDS = "2025-01-01, sdk:0.0.23 of 2026-01-09, 149 operations, 2 newer versions are known"


@pytest.mark.parametrize("kind", [kind for kind in FILE_NAMES if kind != "json"])
def test_the_contract_is_in_every_report(kind: str) -> None:
    text = render(kind, replace(samples.report(), extra={"contract": FACTS}))
    assert WORDS in text.replace("\\", "")


def test_the_terminal_names_the_version_that_answered() -> None:
    version = {
        "requested": None,
        "answered": "2025-01-01",
        "evidence": "header",
        "supported": ["2025-01-01", "2026-10-20"],
    }
    report = replace(samples.report(), extra={"contract": FACTS, "api_version": version})
    shown = " ".join(terminal.render(report, 200).split())
    assert WORDS in shown
    assert (
        "none requested: the version of the key, 2025-01-01 answered (response header); "
        "the target supports 2 versions, the newest is 2026-10-20"
    ) in shown
    only = version_line(replace(report, extra={"api_version": {**version, "supported": ["2025-01-01"]}}))
    assert only.endswith("; the target supports 1 version: 2025-01-01")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"version": None, "operations": 3}, "3 operations"),
        ({"version": None, "operations": 3, "operations_v2": 1}, "3 operations and 1 of v2"),
        ({"version": "2026-10-15-1", "newer_versions": 0}, "2026-10-15-1, no newer version is known"),
        ({"version": "2026-10-15", "newer_versions": 1}, "2026-10-15, 1 newer version is known"),
    ],
)
def test_what_is_not_known_is_left_out(facts: dict[str, Any], expected: str) -> None:
    assert contract_words(facts) == expected


def test_the_operations_of_v2_are_counted_beside_the_others() -> None:
    facts, newest = describe_contract(load()), describe_contract(load("newest"))
    assert (facts["operations"], facts["operations_v2"]) == (149, 1)
    assert newest["operations"] == 487
    assert "operations_v2" not in newest


def test_a_report_without_versions_has_no_line() -> None:
    assert version_line(samples.report()) == ""


def test_newer_versions_are_counted_once() -> None:
    assert len(newer_versions("2025-01-01")) == 69
    assert newer_versions("2026-10-15-1") == []
    assert newer_versions("2026-10-15", ["2026-10-20", "2026-10-15-1"]) == ["2026-10-15-1", "2026-10-20"]
    assert newer_versions(None, ["2026-10-20"]) == []
    described = describe_contract(load(), ["2026-11-01"])
    assert (described["newer_versions"], described["newest_known"]) == (70, "2026-11-01")


def test_merged_reports_name_every_contract() -> None:
    other = {**FACTS, "version": "2026-10-15-1", "sha256": "b"}
    parts = [replace(samples.report(), extra={"contract": facts}) for facts in ({**FACTS, "sha256": "a"}, other)]
    assert merge_reports([*parts, parts[0]]).extra["contracts"] == [{**FACTS, "sha256": "a"}, other]
    assert merge_reports(parts[:1] * 2).extra["contract"] == {**FACTS, "sha256": "a"}
    assert contract_facts([]) == {}
