"""`whopwatch mcp serve`: an MCP server about reports, drift history and contracts, over stdio or loopback HTTP.

Needs the library `mcp` (extra `mcp`). All tools are read-only; none sends a request unless the user allows it.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from whopwatch import __version__
from whopwatch.core.errors import UsageError, WhopwatchError
from whopwatch.core.local_server import HOST, served
from whopwatch.core.redaction import sanitize
from whopwatch.mcp.agent_knowledge import MAX_SHOWN_LINE, Knowledge

# The library logs what clients send, and a traceback quotes the files that are read.
logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False

INSTRUCTIONS = """Facts about the Whop REST API and the user's own code, from whopwatch's reports, drift history, usage
profile and contracts on this machine. Each state is as old as the newest report. Only the tool check_now, if listed,
sends requests to the API."""
MAX_MESSAGE_BYTES = 64 * 2**10
MAX_ARGUMENT = 200
"""Characters of one argument."""
MAX_CHECKS_PER_HOUR = 20
"""Checks of one server: 1,200 requests. An agent that repeats itself must not use up the rate limit of the key."""


def make_server(
    knowledge: Knowledge, check: Callable[[str], str] | None = None, clock: Callable[[], float] = time.monotonic
) -> MCPServer:
    """Return the server with its six tools, and a seventh that calls `check` with an operation if it is given."""
    server = MCPServer("whopwatch", version=__version__, instructions=INSTRUCTIONS)
    for tool in _reading_tools(knowledge):
        server.add_tool(_with_errors(tool), annotations=_hints(sends=False), structured_output=False)
    if check:
        tool = _checking_tool(check, clock)
        server.add_tool(_with_errors(tool), annotations=_hints(sends=True), structured_output=False)
    return server


def _hints(*, sends: bool) -> ToolAnnotations:
    """Return the hints of a tool to an agent. Every tool only reads; one of them reads from the API."""
    return ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=sends)


def _reading_tools(knowledge: Knowledge) -> tuple[Callable[..., str], ...]:
    """Return the tools that send nothing. Their docstrings are what an agent reads of them."""

    def what_changed_since(since: str = "") -> str:
        """What moved in the live API since a time (ISO 8601): findings that appeared, are gone, or are still open.

        Without `since`: in the last night.
        """
        return knowledge.what_changed(since)

    def operation_health(operation: str) -> str:
        """Is an operation such as payments.list healthy: its state, findings, latency and history."""
        return knowledge.operation_health(operation)

    def explain_finding(fingerprint: str) -> str:
        """Explain a finding by its fingerprint: what was expected and observed, evidence, and what to do."""
        return knowledge.explain_finding(fingerprint)

    def version_changes(version: str, operation: str = "") -> str:
        """What another API version would change for clients: a version such as 2026-10-15-1, or newest.

        With `operation`: every change of that operation.
        """
        return knowledge.version_changes(version, operation)

    def show_contract(name: str = "") -> str:
        """The documented contract of an operation (products.list) or event (webhook:payment.succeeded).

        With a resource (products): its operations. Without a name: all resources.
        """
        return knowledge.show_contract(name)

    def impact_on_code(about: str = "") -> str:
        """Does it hit the user's own code, and where: file and line.

        `about` is the fingerprint of a finding, an operation, or a version. Without it: all open findings.
        """
        return knowledge.impact_on_code(about)

    return what_changed_since, operation_health, explain_finding, version_changes, impact_on_code, show_contract


def _checking_tool(check: Callable[[str], str], clock: Callable[[], float]) -> Callable[..., str]:
    """Return the tool that sends requests: one check at a time, and a limited number in an hour."""
    one_at_a_time, started = Lock(), deque[float]()

    def check_now(operation: str) -> str:
        """Check an operation such as payments.list now: sends at most 60 GET requests to the API."""
        with one_at_a_time:
            _refuse_too_many(started, clock())
            return check(operation)

    return check_now


def _refuse_too_many(started: deque[float], now: float) -> None:
    """Note that a check starts. Raise UsageError if there were `MAX_CHECKS_PER_HOUR` in the last hour."""
    while started and started[0] <= now - 3600:
        started.popleft()
    if len(started) >= MAX_CHECKS_PER_HOUR:
        raise UsageError(
            "No further check is possible now.",
            where="tool check_now",
            expected=f"at most {MAX_CHECKS_PER_HOUR} checks an hour",
            got=f"{len(started)} in the last hour",
            hint=f"wait {(started[0] + 3600 - now) / 60:.0f} minutes, or use operation_health, which sends nothing",
        )
    started.append(now)


def _with_errors(tool: Callable[..., str]) -> Callable[..., str]:
    """Return `tool` with errors of whopwatch as its result. The library hides the text of all others."""

    @wraps(tool)
    def called(**arguments: str) -> str:
        for name, value in arguments.items():
            if len(value) > MAX_ARGUMENT:
                raise ToolError(f"{name} is too long: {len(value)} characters, at most {MAX_ARGUMENT} are allowed")
        try:
            return tool(**arguments)
        except WhopwatchError as error:
            lines = (sanitize(line)[:MAX_SHOWN_LINE] for line in str(error).splitlines())
            raise ToolError("\n".join(lines)) from None

    return called


def serve_stdio(server: MCPServer) -> None:
    """Serve over standard input and output until the client closes them."""
    server.run("stdio")


@contextmanager
def serve_http(server: MCPServer, port: int) -> Iterator[str]:
    """Serve streamable HTTP on loopback while the context is open; yield the URL. Port 0 takes a free one.

    Requests that a web page of another host makes are refused. Raise UsageError if the port is taken.
    """
    app = server.streamable_http_app(
        json_response=True, stateless_http=True, max_request_body_size=MAX_MESSAGE_BYTES, host=HOST
    )
    with served(app, name="MCP server", port=port, lifespan=True) as bound:
        yield f"http://{HOST}:{bound}/mcp"
