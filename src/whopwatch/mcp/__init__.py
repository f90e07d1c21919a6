"""Check an MCP server against the contract: its tools, their arguments, and their results.

`session`, `transport` and `serve` need the `mcp` library (extra `mcp`); the other modules do not.
"""

from __future__ import annotations

from whopwatch.mcp.compare import McpToolServer, OfferedTool, ToolResult, compare_tools
from whopwatch.mcp.survey import MCP_CALL_BUDGET, check_mcp_server, unreachable_report

__all__ = [
    "MCP_CALL_BUDGET",
    "McpToolServer",
    "OfferedTool",
    "ToolResult",
    "check_mcp_server",
    "compare_tools",
    "unreachable_report",
]
