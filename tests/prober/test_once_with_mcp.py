"""`probe --once` with an MCP server: one report of both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.history.factories import finding, report
from whopwatch.core.errors import TargetError
from whopwatch.core.finding import Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.prober.once import MCP_SERVER, add_mcp_failure, merge_mcp_report

CALLED = OperationResult("mcp:list_plans", "GET", "/plans", State.VERIFIED, requests=1, samples=3)
COMPARED = OperationResult("mcp:list_apps", "GET", "/apps", State.COULD_NOT_CHECK, "not called")
BROKEN = finding(severity=Severity.HIGH)


def ending(verdict: Verdict, rows: tuple[OperationResult, ...] = ()) -> Report:
    """A report with `verdict`."""
    findings = (BROKEN,) if verdict is Verdict.DRIFT else ()
    reason = "the budget was spent" if verdict is Verdict.COULD_NOT_CHECK else None
    return report(*findings, rows=rows, verdict=verdict, reason=reason)


@pytest.mark.parametrize(
    ("probes", "tools", "expected"),
    [
        (Verdict.CLEAN, Verdict.CLEAN, Verdict.CLEAN),
        (Verdict.CLEAN, Verdict.COULD_NOT_CHECK, Verdict.CLEAN),
        (Verdict.CLEAN, Verdict.DRIFT, Verdict.DRIFT),
        (Verdict.COULD_NOT_CHECK, Verdict.CLEAN, Verdict.COULD_NOT_CHECK),
        (Verdict.COULD_NOT_CHECK, Verdict.DRIFT, Verdict.DRIFT),
        (Verdict.DRIFT, Verdict.CLEAN, Verdict.DRIFT),
    ],
)
def test_drift_of_either_is_drift(probes: Verdict, tools: Verdict, expected: Verdict) -> None:
    merged = merge_mcp_report(ending(probes), ending(tools, rows=(CALLED, COMPARED)))
    assert merged.verdict is expected
    assert [row.id for row in merged.operations if row.id.startswith("mcp:")] == ["mcp:list_plans"]


def test_a_tool_with_a_finding_has_a_row_even_if_it_was_not_called() -> None:
    broken = replace(BROKEN, operation=COMPARED.id)
    merged = merge_mcp_report(report(), report(broken, rows=(COMPARED,)))
    assert broken in merged.findings
    assert merged.operations[-1] is COMPARED


def test_a_server_without_a_session_is_not_clean() -> None:
    merged = add_mcp_failure(report(), TargetError("No session.", got="it asks for OAuth"))
    assert merged.verdict is Verdict.COULD_NOT_CHECK
    assert (merged.operations[-1].id, merged.operations[-1].state) == (MCP_SERVER, State.COULD_NOT_CHECK)
    assert "OAuth" in str(merged.reason)
    assert add_mcp_failure(ending(Verdict.DRIFT), TargetError("x")).verdict is Verdict.DRIFT
