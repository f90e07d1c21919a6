"""The key is sent to an MCP server over https or within this machine only."""

from __future__ import annotations

import httpx2
import pytest

from whopwatch.core.errors import UsageError
from whopwatch.mcp import session
from whopwatch.mcp.session import ReadOnlyTransport


@pytest.mark.parametrize("is_sse", [True, False])
def test_a_session_with_a_key_is_refused_over_plain_http(is_sse: bool) -> None:
    silent = httpx2.MockTransport(lambda request: httpx2.Response(500))
    transport = ReadOnlyTransport(silent, ("http", "mcp.example.com", None), (), budget=5)
    opened = session.over_http("http://mcp.example.com/mcp", "apik_0123456789", transport, is_sse=is_sse)
    with pytest.raises(UsageError, match="unencrypted") as caught:
        opened.__enter__()
    assert transport.sent == 0
    assert "apik" not in str(caught.value)
