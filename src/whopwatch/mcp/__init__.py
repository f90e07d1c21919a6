"""An MCP server held against the contract: what it offers, what its tools take, and what they answer.

`session` needs the `mcp` library (extra `mcp`); everything else does without.
"""

from __future__ import annotations

from whopwatch.mcp.compare import compared
from whopwatch.mcp.offered import Answer, Offered, Server
from whopwatch.mcp.survey import DEFAULT_BUDGET, refused, survey

__all__ = ["DEFAULT_BUDGET", "Answer", "Offered", "Server", "compared", "refused", "survey"]
