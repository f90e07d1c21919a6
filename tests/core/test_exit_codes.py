"""The exit code of a report, for each verdict and each value of --fail-on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.core.finding import Finding, FindingState, Impact, Severity
from whopwatch.core.report import FAIL_ON, Report, TargetResult, Verdict, exit_code


def finding(severity: Severity = Severity.HIGH, state: FindingState | None = None) -> Finding:
    return Finding("D5", "schema", severity, "products.list", "/x", "a", "b", "c", state=state)


def report(*findings: Finding, reason: str | None = None) -> Report:
    return Report.build((), findings, target="t", started_at="", seconds=0.0, reason=reason)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(), EXIT_CLEAN),
        (report(finding(Severity.INFO)), EXIT_CLEAN),
        (report(finding(state=FindingState.ACCEPTED)), EXIT_CLEAN),
        (report(finding(state=FindingState.FIXED)), EXIT_CLEAN),
        (report(finding(Severity.LOW)), EXIT_DRIFT),
        (report(finding(), reason="interrupted"), EXIT_DRIFT),
        (report(reason="interrupted"), EXIT_COULD_NOT_CHECK),
    ],
)
def test_by_default_the_verdict_decides(made: Report, code: int) -> None:
    assert exit_code(made) == code


@pytest.mark.parametrize("fail_on", list(Severity))
@pytest.mark.parametrize("severity", list(Severity))
def test_a_finding_fails_from_its_severity_on(severity: Severity, fail_on: Severity) -> None:
    expected = EXIT_DRIFT if severity.rank <= fail_on.rank else EXIT_CLEAN
    assert exit_code(report(finding(severity)), str(fail_on)) == expected


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (None, EXIT_DRIFT),
        (FindingState.NEW, EXIT_DRIFT),
        (FindingState.WORSE, EXIT_DRIFT),
        (FindingState.KNOWN, EXIT_CLEAN),
        (FindingState.FLAPPING, EXIT_CLEAN),
        (FindingState.FIXED, EXIT_CLEAN),
        (FindingState.ACCEPTED, EXIT_CLEAN),
    ],
)
def test_new_fails_on_what_earlier_nights_did_not_show(state: FindingState | None, code: int) -> None:
    assert exit_code(report(finding(state=state)), "new") == code
    assert exit_code(report(finding(Severity.INFO, state=state)), "new") == EXIT_CLEAN


@pytest.mark.parametrize("fail_on", FAIL_ON)
def test_an_incomplete_run_never_passes(fail_on: str) -> None:
    assert exit_code(report(reason="interrupted"), fail_on) == EXIT_COULD_NOT_CHECK
    mild = report(finding(Severity.LOW, FindingState.KNOWN), reason="interrupted")
    assert exit_code(mild, "high") == exit_code(mild, "new") == EXIT_COULD_NOT_CHECK


def test_a_report_of_an_older_version_without_a_reason_never_passes() -> None:
    older = replace(report(), verdict=Verdict.COULD_NOT_CHECK)
    assert exit_code(older, "high") == EXIT_COULD_NOT_CHECK


def test_accepted_and_fixed_findings_never_fail() -> None:
    over = [finding(Severity.CRITICAL, state) for state in (FindingState.ACCEPTED, FindingState.FIXED)]
    assert exit_code(report(*over), "info") == EXIT_CLEAN


@pytest.mark.parametrize("fail_on", FAIL_ON)
def test_a_part_of_whopwatch_that_failed_outweighs_drift(fail_on: str) -> None:
    incidents = {"incidents": [{"at": "now", "operation": "a.list"}, {"place": "check schema", "error": "KeyError"}]}
    failed = replace(report(finding(), reason="checks failed"), extra=incidents)
    assert exit_code(failed, fail_on) == EXIT_COULD_NOT_CHECK
    accident = replace(report(finding()), extra={"incidents": incidents["incidents"][:1]})
    assert exit_code(accident, fail_on) == exit_code(report(finding()), fail_on)


@pytest.mark.parametrize("fail_on", FAIL_ON)
def test_findings_of_earlier_nights_do_not_count_at_a_target_that_verified_nothing(fail_on: str) -> None:
    rejected = TargetResult("rejected", Verdict.COULD_NOT_CHECK, "the key is not valid", 1, 1, {"could-not-check": 9})
    good = TargetResult("good", Verdict.CLEAN, None, 99, 0, {"verified": 9})
    old = replace(finding(Severity.CRITICAL), impact=Impact.HITS)

    def of_both(where: str) -> Report:
        made = report(replace(old, targets=(where,)), reason="1 of 2 targets could not be checked")
        verdict = Verdict.COULD_NOT_CHECK if where == "rejected" else Verdict.DRIFT
        return replace(made, targets=(rejected, good), verdict=verdict)

    assert exit_code(of_both("rejected"), fail_on) == EXIT_COULD_NOT_CHECK
    assert exit_code(of_both("good"), fail_on) == EXIT_DRIFT
