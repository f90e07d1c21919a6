"""Check an MCP server, in full or in short: compare its tools, call read-only ones, and check their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from whopwatch.checks import Evidence, FailedCheck, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.contract.arguments import arguments_of
from whopwatch.contract.loader import describe_contract
from whopwatch.contract.mcp_tools import MCP_PREFIX, Tool, tools_of
from whopwatch.core.exchange import Exchange, Failure, Phases
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.http import Call
from whopwatch.mcp import session
from whopwatch.mcp.compare import McpToolServer, OfferedTool, ToolResult, compare_tools
from whopwatch.planning.state import RunState
from whopwatch.run.abort import abort_reason
from whopwatch.run.conclude import EMPTY_LIST_REASON, RowEvidence, conclude, failed_inside, median_latency, sample_count
from whopwatch.run.driving import reach

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
    Raise TargetError if the server does not open a session.
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


MCP_CALL_BUDGET = 150
MCP_MAX_SECONDS = 300.0
"""Time limit of a check. A server that delays every response would otherwise hold it for an hour."""
RESULT_CHECKS = frozenset({"status", "refused", "content", "schema", "fields", "envelope", "twins"})
"""The response checks that apply to the result of a tool."""
_HEADERS = (("content-type", "application/json"),)


def check_mcp_server(
    contract: Contract,
    server: McpToolServer,
    *,
    name: str,
    ids: Mapping[str, str],
    budget: int = MCP_CALL_BUDGET,
    rate: float | None = None,
    seed: int = 0,
    has_key: bool = True,
    among: Collection[str] | None = None,
    max_seconds: float = MCP_MAX_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Check the tools of `server` and their results against `contract`.

    `name` is the target in the report. `ids` are known IDs by resource (`companies`), `budget` is the maximum number
    of tool calls, `rate` their number a second. `among` limits the tools that are called; by default all read-only
    tools are. After `max_seconds` no further tool is called. Raise TargetError if the server does not list its tools,
    and nothing else.
    """
    started_at, start = datetime.now(UTC), time.perf_counter()
    deadline = clock() + max_seconds
    offered = server.tools()
    callable_ = [tool for tool in offered if among is None or tool.name in among]
    caller = _Caller(contract, server, callable_, budget, 1 / rate if rate else 0.0)
    caller.reach(ids, seed, has_key, lambda: clock() >= deadline, f"the time limit of {max_seconds:g} s was reached")
    failed: list[FailedCheck] = []
    findings = (*compare_tools(contract, offered), *caller.findings(failed))
    return conclude(
        _rows(contract, offered, caller),
        sorted(findings, key=lambda finding: (finding.severity.rank, finding.operation)),
        target=name,
        started_at=started_at,
        seconds=time.perf_counter() - start,
        sent=caller.sent,
        budget=budget,
        incomplete=caller.stopped or failed_inside(failed),
        nothing="no tool returned anything to check",
        extra={
            **({"incidents": [one.to_json() for one in failed]} if failed else {}),
            "contract": describe_contract(contract),
        },
    )


def unreachable_report(contract: Contract, reason: str, *, name: str, budget: int, seconds: float) -> Report:
    """Return the report of a server that opened no session after `seconds`: nothing could be checked."""
    return conclude(
        [
            RowEvidence(f"{MCP_PREFIX}{tool.name}", tool.operation.method, tool.operation.path, unverified=reason)
            for tool in tools_of(contract).values()
        ],
        (),
        target=name,
        started_at=datetime.now(UTC) - timedelta(seconds=seconds),
        seconds=seconds,
        budget=budget,
        incomplete=reason,
        extra={"contract": describe_contract(contract)},
    )


class _Caller:
    """Calls tools in place of API operations, and keeps their results as exchanges."""

    def __init__(
        self,
        contract: Contract,
        server: McpToolServer,
        offered: list[OfferedTool],
        budget: int,
        pause: float,
    ) -> None:
        names = {tool.name for tool in offered}
        self.tools: dict[str, Tool] = {
            tool.operation.id: tool
            for tool in tools_of(contract).values()
            if tool.name in names and tool.operation.is_read
        }
        self.exchanges: list[Exchange] = []
        self.sent = 0
        self.stopped: str | None = None
        self._contract, self._server = contract, server
        self._budget, self._pause = budget, pause

    def reach(
        self, ids: Mapping[str, str], seed: int, has_key: bool, is_late: Callable[[], bool], late_reason: str
    ) -> None:
        """Call every read-only tool once, with IDs from the results of others, until `is_late`."""
        self._known = RunState(self._contract, frozenset(self.tools), seed, self._budget)
        for resource, id in ids.items():
            self._known.pool.pin(resource, id)

        def is_over() -> bool:
            if self._is_over(has_key):
                return True
            self.stopped = f"{late_reason} before all tools were called" if is_late() else None
            return self.stopped is not None

        reach(self._known, self._call, is_over)

    def _is_over(self, has_key: bool) -> bool:
        self.stopped = abort_reason(self.exchanges, has_key=has_key)
        if not self.stopped and self.sent >= self._budget:
            self.stopped = f"the budget of {self._budget} calls was used up before all tools were called"
        return self.stopped is not None

    def findings(self, failed: list[FailedCheck]) -> list[Finding]:
        """Run the response checks and return their findings, each named after its tool; add checks to `failed`."""
        found = run_checks(self._contract, Evidence(self._contract, self.exchanges), CHECKS, failed)
        return [
            replace(finding, operation=f"{MCP_PREFIX}{self.tools[finding.operation].name}")
            for finding in found
            if finding.check in RESULT_CHECKS and finding.operation in self.tools
        ]

    def _call(self, call: Call) -> Exchange:
        tool = self.tools.get(call.operation.id)
        if tool is None:
            self._known.satisfied.add(call.operation.id)  # no tool for it, so other IDs do not help
            return _exchange(call, ToolResult(404), 0.0)
        if self._pause and self.sent:
            time.sleep(self._pause)
        self.sent += 1
        arguments = arguments_of(self._contract, call.operation, call.path_params, call.query)
        start = time.perf_counter()
        result = self._server.call(tool.name, arguments)
        exchange = _exchange(call, result, time.perf_counter() - start)
        self.exchanges.append(exchange)
        return exchange


def _exchange(call: Call, result: ToolResult, seconds: float) -> Exchange:
    return Exchange(
        operation=call.operation.id,
        purpose=call.purpose,
        method=call.operation.method,
        url=f"{MCP_PREFIX}{call.operation.id}",
        path_params=dict(call.path_params),
        query=call.query,
        status=result.status,
        headers=_HEADERS,
        body=result.text.encode("utf-8", "surrogatepass"),
        failure=Failure.PROTOCOL if result.failure else None,
        phases=Phases(total=seconds),
    )


def _rows(contract: Contract, offered: list[OfferedTool], caller: _Caller) -> Iterator[RowEvidence]:
    names = {tool.name for tool in offered}
    answered: dict[str, list[Exchange]] = {}
    for exchange in caller.exchanges:
        answered.setdefault(exchange.operation, []).append(exchange)
    for tool in tools_of(contract).values():
        exchanges = answered.get(tool.operation.id, [])
        yield RowEvidence(
            id=f"{MCP_PREFIX}{tool.name}",
            method=tool.operation.method,
            path=tool.operation.path,
            excluded=_excluded(tool, names),
            unverified=_unverified(exchanges, caller.stopped),
            requests=len(exchanges),
            samples=sum(map(sample_count, exchanges)),
            latency=median_latency(exchanges),
        )


def _excluded(tool: Tool, offered: set[str]) -> str | None:
    if tool.name not in offered:
        return "the server offers no tool for this operation"
    return None if tool.operation.is_read else "write operation: its input schema is compared, it is not called"


def _unverified(exchanges: Sequence[Exchange], stopped: str | None) -> str:
    if not exchanges:
        return f"not called: {stopped or 'no ID was found to call it with'}"
    last = exchanges[-1]
    if last.ok:
        return EMPTY_LIST_REASON
    return f"the tool returned status {last.status}" if last.status else "the tool returned a protocol error"
