"""Faults for the other checks: declared, placed where they are visible, and counted."""

from __future__ import annotations

import pytest

from benchmarks.detection.other_checks import OtherOutcome, other_checks
from benchmarks.detection.other_checks_table import section, totals
from benchmarks.detection.run_other_checks import run_other_checks
from whopwatch.contract import load
from whopwatch.simulator.faults import fault_catalogue

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("who", ["mcp", "webhook", "sdk"])
def test_the_faults_of_a_check_are_in_the_catalogue_once(who: str) -> None:
    check = other_checks()[who]
    assert check.faults
    assert set(check.faults) <= fault_catalogue().keys()
    assert len(set(check.faults)) == len(check.faults)
    assert check.everywhere <= set(check.faults)


def test_each_check_catches_one_fault_and_has_no_finding_without() -> None:
    found = list(run_other_checks(load(), sample=1, clean=1))
    assert [(one.check, bool(one.fault)) for one in found] == [
        (who, is_faulty) for who in ("mcp", "webhook", "sdk") for is_faulty in (True, False)
    ]
    assert all(one.caught and one.classed for one in found if one.fault)
    assert [one.elsewhere for one in found] == [0] * 6
    assert all(one.cost > 0 for one in found)


def test_missed_faults_and_wrong_findings_are_counted() -> None:
    found = [
        OtherOutcome("sdk", "null-field", "plans.list", "D9", True, True, 0, 112, 2.0),
        OtherOutcome("sdk", "id-missing", "plans.list", "D5", False, False, 2, 110, 4.0),
        OtherOutcome("sdk", "", "", "", False, False, 1, 112, 2.0),
    ]
    figures = totals(found)["sdk"]
    assert (figures["faults"], figures["caught"], figures["elsewhere"]) == (2, 1, 2)
    assert (figures["false_alarms"], figures["clean"]) == (1, 1)
    assert figures["classes"] == {"D5": {"faults": 1, "caught": 0}, "D9": {"faults": 1, "caught": 1}}
    text = section(found)
    assert f"| 2 of {len(other_checks()['sdk'].faults)} | 1 (50.0%) | 1 | 2 | 1 of 1 | 111 requests | 3.0 |" in text
    assert "Missed: `id-missing@plans.list`." in text
    assert section([]) == ""
