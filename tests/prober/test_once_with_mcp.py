"""Every probe once, and the MCP server: one report of both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.history.factories import finding, report, tracked
from whopwatch.core.errors import TargetError
from whopwatch.core.report import OperationResult, State, Verdict
from whopwatch.prober.once import MCP_SERVER, add_mcp_failure, merge_mcp_report

CALLED = OperationResult("mcp:list_plans", "GET", "/plans", State.VERIFIED, requests=1, samples=3)
COMPARED = OperationResult("mcp:list_apps", "GET", "/apps", State.COULD_NOT_CHECK, "not called")


REPORTS = {
    Verdict.CLEAN: report(),
    Verdict.DRIFT: report(finding()),
    Verdict.COULD_NOT_CHECK: report(verdict=Verdict.COULD_NOT_CHECK, reason="interrupted"),
}


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
    mcp = replace(REPORTS[tools], operations=(CALLED, COMPARED))
    joined = merge_mcp_report(REPORTS[probes], mcp)
    assert joined.verdict is expected
    assert joined.reason == REPORTS[probes].reason
    assert [row.id for row in joined.operations if row.id.startswith("mcp:")] == ["mcp:list_plans"]


def test_a_tool_with_a_finding_has_its_row_called_or_not() -> None:
    found = replace(tracked(), operation=COMPARED.id)
    mcp = replace(report(found), operations=(COMPARED,))
    joined = merge_mcp_report(report(), mcp)
    assert found in joined.findings
    assert joined.operations[-1] is COMPARED


def test_a_server_without_a_session_is_not_green() -> None:
    joined = add_mcp_failure(report(), TargetError("No session.", got="it asks for OAuth"))
    assert joined.verdict is Verdict.COULD_NOT_CHECK
    assert (joined.operations[-1].id, joined.operations[-1].state) == (MCP_SERVER, State.COULD_NOT_CHECK)
    assert "OAuth" in str(joined.reason)
    assert add_mcp_failure(REPORTS[Verdict.DRIFT], TargetError("x")).verdict is Verdict.DRIFT
