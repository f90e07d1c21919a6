"""One simulator with its MCP server for all, and ways to reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.mcp import session
from whopwatch.mcp.session import ReadOnlyTransport
from whopwatch.simulator import Simulator, embedded

Reach = Callable[..., AbstractContextManager[tuple[session.McpSession, ReadOnlyTransport]]]


@pytest.fixture(scope="module")
def simulator(contract: Contract) -> Iterator[Simulator]:
    with embedded(contract) as running:
        yield running


@pytest.fixture
def reach(contract: Contract) -> Reach:
    """`reach(simulator)` is a session and its transport; by SSE, with another key or a smaller budget if asked for."""
    readable = frozenset(tool.name for tool in tools_of(contract).values() if tool.operation.is_read)

    @contextmanager
    def reached(
        simulator: Simulator, *, is_sse: bool = False, key: str | None = None, budget: int = 500
    ) -> Iterator[tuple[session.McpSession, ReadOnlyTransport]]:
        url = f"{simulator.root}/sse" if is_sse else simulator.mcp_url
        transport = session.transport_to(url, readable, budget)
        with session.over_http(url, key or simulator.api_key, transport, is_sse=is_sse) as opened:
            yield opened, transport

    return reached
