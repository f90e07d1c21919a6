"""SARIF: what code scanning needs to show a result and to follow it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.reports import nights, samples
from whopwatch.core.finding import FindingState
from whopwatch.core.report import Report
from whopwatch.reports import sarif

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json"
"""The schema of OASIS, unchanged, as it is in the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT)."""
REPORTS = {
    "check": samples.report(),
    "clean": samples.clean(),
    "refused": samples.refused(),
    "bad night": nights.bad_night(),
    "quiet night": nights.quiet_night(),
}


def run_of(report: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(report))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return dict(run)


@pytest.mark.parametrize("name", REPORTS)
def test_a_log_keeps_the_schema(name: str) -> None:
    validator = Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    log = json.loads(sarif.render(REPORTS[name]))
    assert not list(validator.iter_errors(log))
    assert not validator.is_valid({**log, "runs": [{**log["runs"][0], "results": [{"message": "no object"}]}]})


def test_every_finding_is_a_result_of_a_declared_rule() -> None:
    report = nights.bad_night()
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    assert {result["partialFingerprints"]["whopwatch/v1"] for result in run["results"]} == {
        finding.fingerprint for finding in report.findings
    }


@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
@pytest.mark.parametrize(
    ("operation", "location", "line"),
    [
        ("payments.list", "/data/*/status", "operationId: payments.list"),  # the field is in a shared schema
        ("payments.list", "param:first", "- name: first"),
        ("payments.list", "status", "operationId: payments.list"),
        ("webhook:payment.succeeded", "/data", "payment.succeeded:"),
        ("payments.unknown", "", None),
        ("../../etc.list", "", None),
    ],
)
def test_a_result_is_at_its_line_of_the_contract_that_ran(
    version: str, operation: str, location: str, line: str | None
) -> None:
    finding = replace(samples.FINDINGS[0], operation=operation, location=location)
    report = samples.report(findings=(finding,), extra={"contract": {"version": version}})
    place = run_of(report)["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].startswith(f"contracts/{version}/")
    if line is None:
        assert place["region"]["startLine"] == 1
        return
    lines = (ROOT / place["artifactLocation"]["uri"]).read_text().splitlines()
    number = place["region"]["startLine"]
    assert lines[number - 1].strip() == line
    above = [text.strip() for text in lines[:number] if "operationId: " in text]
    assert above[-1].endswith(operation) or operation.startswith("webhook:")


def test_a_contract_that_is_not_bundled_has_no_folder_of_its_own() -> None:
    report = samples.report(extra={"contract": {"version": "2031-01-01"}})
    for result in run_of(report)["results"]:
        assert "2031" not in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_a_result_is_at_the_line_of_its_operation() -> None:
    for result in run_of(nights.bad_night())["results"]:
        location = result["locations"][0]["physicalLocation"]
        lines = (ROOT / location["artifactLocation"]["uri"]).read_text().splitlines()
        name = result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].split()[0]
        expected = f"{name.partition(':')[2]}:" if name.startswith("schema:") else f"operationId: {name}"
        assert lines[location["region"]["startLine"] - 1].strip() == expected


def test_a_rule_has_help_and_a_result_the_request() -> None:
    run = run_of(samples.report(operations=nights.rows(("products.list",))))
    for rule in run["tool"]["driver"]["rules"]:
        assert "whopwatch accept" in rule["help"]["text"]
        assert rule["name"] in rule["help"]["markdown"]
    worst = run["results"][0]
    assert worst["properties"]["request"].startswith("curl ")
    assert worst["properties"]["class"] == "required-field-removed"


def test_lives_become_baseline_states_and_an_accepted_finding_is_suppressed() -> None:
    assert {result["baselineState"] for result in run_of(nights.bad_night())["results"]} == {
        "new",
        "updated",
        "unchanged",
        "absent",
    }
    (result,) = run_of(nights.quiet_night())["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "a beta of theirs"}]
    assert all("baselineState" not in result for result in run_of(samples.report())["results"])
    assert set(FindingState) == set(sarif._BASELINE)


def test_a_run_without_responses_is_a_failed_one() -> None:
    (invocation,) = run_of(samples.refused())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "rejected the key" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert run_of(samples.clean())["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize("report", [samples.report(), nights.bad_night()], ids=["check", "night"])
def test_a_result_is_at_a_file_of_the_contract(report: Report) -> None:
    for result in run_of(report)["results"]:
        for location in (*result["locations"], *result["relatedLocations"]):
            assert (ROOT / location["physicalLocation"]["artifactLocation"]["uri"]).is_file()
