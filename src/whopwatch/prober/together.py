"""The report of every probe once, and that of one look at the MCP server, as one report."""

from __future__ import annotations

from dataclasses import replace

from whopwatch.core.errors import TargetError
from whopwatch.core.report import OperationResult, Report, State, Verdict

SERVER = "mcp:*"
"""What stands for an MCP server as a whole, as `webhook:*` does for deliveries."""


def together(report: Report, mcp: Report) -> Report:
    """`report` with the tools that were called, or have a finding; the others were compared and have nothing to say."""
    accused = {finding.operation for finding in mcp.findings}
    rows = tuple(row for row in mcp.operations if row.requests or row.id in accused)
    is_drift = Verdict.DRIFT in (report.verdict, mcp.verdict)
    return replace(
        report,
        verdict=Verdict.DRIFT if is_drift else report.verdict,
        operations=(*report.operations, *rows),
        findings=(*report.findings, *mcp.findings),
        sent=report.sent + mcp.sent,
        budget=report.budget + mcp.sent,
        seconds=report.seconds + mcp.seconds,
    )


def without_session(report: Report, error: TargetError) -> Report:
    """`report` where the server that was to be looked at gave no session: it could not be checked."""
    reason = f"the MCP server gives no session: {error.got or error.what}"
    row = OperationResult(SERVER, "", "", State.COULD_NOT_CHECK, reason)
    return replace(
        report,
        verdict=Verdict.COULD_NOT_CHECK if report.verdict is Verdict.CLEAN else report.verdict,
        operations=(*report.operations, row),
        reason=report.reason or reason,
    )
