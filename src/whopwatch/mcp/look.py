"""One short look at an MCP server, again and again: its tools compared each time, a few of them called in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.report import Report
from whopwatch.mcp import session
from whopwatch.mcp.offered import Answer, Offered
from whopwatch.mcp.survey import survey

HANDSHAKE = 8
"""Messages that may leave besides the calls: the session is opened, the tools are listed, page by page."""


class _Counting:
    """A server whose tools are counted as they are listed."""

    def __init__(self, server: session.Session) -> None:
        self._server = server
        self.listed = 0

    def tools(self) -> list[Offered]:
        offered = self._server.tools()
        self.listed = len(offered)
        return offered

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        return self._server.call(name, arguments)


def look(
    contract: Contract, url: str, key: str | None, company: str | None, *, calls: int, seconds: float, number: int
) -> tuple[Report, int]:
    """What is found at `url` in the round of that `number`, and how many tools it listed.

    `calls` tools are called at most, each answer awaited for `seconds`. Raises TargetError where there is no session.
    """
    turn = lists_in_turn(contract, calls if company else 0, number)
    door = session.door_to(url, turn, calls + HANDSHAKE)
    with session.over_http(url, key, door, is_sse=url.rstrip("/").endswith("/sse"), seconds=seconds) as server:
        counting = _Counting(server)
        ids = {contract.account.resource: company} if company else {}
        report = survey(contract, counting, name="the MCP server", ids=ids, budget=max(calls, 1), among=turn)
    return report, counting.listed


def lists_in_turn(contract: Contract, count: int, number: int) -> Sequence[str]:
    """The tools that are called in a round: lists that need nothing but the company, others each time."""
    names = sorted(
        tool.name
        for tool in tools_of(contract).values()
        if tool.operation.is_list
        and all(one.resources == (contract.account.resource,) for one in tool.operation.needed)
    )
    return [names[(number * count + place) % len(names)] for place in range(min(count, len(names)))]
