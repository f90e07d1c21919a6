"""Check an MCP server against the contract: one test per tool, from one run.

This is the simulator's own server, or the server at WHOP_MCP_URL with the key in WHOP_API_KEY.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from suites.conftest import finding_texts, is_simulated, weighed
from whopwatch.contract import load
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.errors import TargetError
from whopwatch.core.report import Report, State
from whopwatch.mcp import MCP_CALL_BUDGET, check_mcp_server
from whopwatch.pytest_plugin.session_run import session_budget
from whopwatch.simulator import embedded

pytest.importorskip("mcp", reason="the library mcp is not installed (extra mcp)")
TOOLS = tools_of(load())
ADDRESS = "WHOP_MCP_URL"
SESSION_MESSAGES = 30
"""Messages that open a session and list the tools, at most."""


@contextmanager
def server_of(config: pytest.Config) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield URL, key and company of the server."""
    if is_simulated(config):
        with embedded() as simulator:
            yield simulator.mcp_url, simulator.api_key, simulator.company_id
    elif url := os.environ.get(ADDRESS):
        yield url, os.environ.get("WHOP_API_KEY"), os.environ.get("WHOP_COMPANY_ID")
    else:
        pytest.skip(f"this target has no MCP server: set {ADDRESS}")


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Report:
    """Call every tool once."""
    from whopwatch.mcp import session

    readable = frozenset(tool.name for tool in TOOLS.values() if tool.operation.is_read)
    shared = session_budget(request.config)
    with server_of(request.config) as (url, key, company):
        # At most a half, because the messages are taken at once, and the contract tests need some.
        granted, _ = shared.take(min(MCP_CALL_BUDGET + SESSION_MESSAGES, shared.remaining // 2))
        if granted <= SESSION_MESSAGES:
            shared.take(-granted)
            pytest.skip("the session has too few requests left for an MCP server")
        transport = session.transport_to(url, readable, granted)
        ids = {"companies": company} if company else {}
        try:
            with session.over_http(url, key, transport, is_sse=url.endswith("/sse")) as server:
                calls = granted - SESSION_MESSAGES
                has_key = key is not None
                found = check_mcp_server(load(), server, name="the MCP server", ids=ids, has_key=has_key, budget=calls)
                return weighed(request.config, found)
        except TargetError as error:
            pytest.fail(str(error))
        finally:
            shared.take(transport.sent - granted)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_conforms_to_the_contract(report: Report, name: str) -> None:
    row = next(row for row in report.operations if row.id == f"mcp:{name}")
    found = [finding for finding in report.findings if finding.operation == row.id and finding.breaks]
    assert not found, finding_texts(found)
    if row.state is State.COULD_NOT_CHECK or (row.state is State.NOT_COVERED and TOOLS[name].operation.is_read):
        pytest.skip(str(row.reason))


def test_no_undocumented_tool_is_offered(report: Report) -> None:
    known = {f"mcp:{name}" for name in TOOLS}
    assert [finding.message for finding in report.findings if finding.operation not in known] == []
