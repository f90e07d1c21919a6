"""A short check of an MCP server for the prober: compare all tools, and call a few of them in rotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.report import Report
from whopwatch.mcp import session
from whopwatch.mcp.checked_server import OfferedTool, ToolResult
from whopwatch.mcp.survey import check_mcp_server

_HANDSHAKE_MESSAGES = 8
"""Messages in addition to the calls: opening the session, and listing the tools page by page."""


class _CountingServer:
    """Counts the tools of a server when it lists them."""

    def __init__(self, server: session.McpSession) -> None:
        self._server = server
        self.listed = 0

    def tools(self) -> list[OfferedTool]:
        offered = self._server.tools()
        self.listed = len(offered)
        return offered

    def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        return self._server.call(name, arguments)


def check_briefly(
    contract: Contract, url: str, key: str | None, company: str | None, *, calls: int, seconds: float, number: int
) -> tuple[Report, int]:
    """Check the server at `url` and return the report and the number of its tools.

    `number` is the number of the round, `calls` the maximum number of tool calls, `seconds` the timeout of each.
    Raises TargetError if the server does not open a session.
    """
    turn = rotating_lists(contract, calls if company else 0, number)
    transport = session.transport_to(url, turn, calls + _HANDSHAKE_MESSAGES)
    with session.over_http(url, key, transport, is_sse=url.rstrip("/").endswith("/sse"), seconds=seconds) as server:
        counting = _CountingServer(server)
        ids = {contract.account.resource: company} if company else {}
        report = check_mcp_server(
            contract,
            counting,
            name="the MCP server",
            ids=ids,
            budget=max(calls, 1),
            among=turn,
            max_seconds=max(calls, 1) * seconds,
        )
    return report, counting.listed


def rotating_lists(contract: Contract, count: int, number: int) -> Sequence[str]:
    """Return the tools to call in a round: lists that need only the company, different ones each time."""
    names = sorted(
        tool.name
        for tool in tools_of(contract).values()
        if tool.operation.is_list
        and all(one.resources == (contract.account.resource,) for one in tool.operation.needed)
    )
    return [names[(number * count + place) % len(names)] for place in range(min(count, len(names)))]
