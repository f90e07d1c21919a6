"""A connection to an MCP server, over HTTP or to a command on its standard streams, for callers that do not await."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import anyio
import httpx2
import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from whopwatch.core.errors import TargetError
from whopwatch.mcp.door import Door, origin_of
from whopwatch.mcp.offered import Answer, Offered
from whopwatch.mcp.refusal import reason_of

# The library's log lines quote what servers send.
logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False

SECONDS = 30.0
MOST_PAGES = 20
MOST_TOOLS = 2000
STATUS = re.compile(r"(\d{3})\b\s*(.*)", re.DOTALL)


class Session:
    """A server that is connected to. It is a `Server`."""

    def __init__(self, client: Client, portal: BlockingPortal, seconds: float = SECONDS) -> None:
        self._client = client
        self._portal = portal
        self._seconds = seconds

    def tools(self) -> list[Offered]:
        """Every tool, page by page; raises TargetError where the server gives no end of them or nothing usable."""
        found: list[Offered] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            try:
                page = self._portal.call(self._list, cursor)
            except Exception as error:
                raise TargetError("The MCP server lists no tools.", got=_named(error)) from None
            found += (_offered(tool) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return found
            if len(found) > MOST_TOOLS:
                break
        raise TargetError("The MCP server lists tools without an end.", expected=f"at most {MOST_TOOLS}")

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """The answer of one tool. An error of the API comes as one of the protocol, its status first."""
        try:
            result = self._portal.call(self._call, name, dict(arguments))
        except MCPError as error:
            status = STATUS.match(error.error.message)
            return Answer(int(status[1]), status[2]) if status else Answer(None, failure="an error of the protocol")
        except Exception as error:
            return Answer(None, failure=_named(error))
        text = "".join(part.text for part in result.content if isinstance(part, types.TextContent))
        status = STATUS.match(text) if result.is_error else None
        if result.is_error:
            return Answer(int(status[1]), status[2]) if status else Answer(None, failure="an error of the tool")
        return Answer(200, text)

    async def _list(self, cursor: str | None) -> types.ListToolsResult:
        with anyio.fail_after(self._seconds):
            return await self._client.list_tools(cursor=cursor)

    async def _call(self, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        with anyio.fail_after(self._seconds):
            return await self._client.call_tool(name, arguments)


@contextmanager
def over_http(url: str, key: str | None, door: Door, *, is_sse: bool, seconds: float = SECONDS) -> Iterator[Session]:
    """A session over streamable HTTP, or over SSE; each answer has to come within `seconds`.

    Raises TargetError where the server refuses a session.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def http(headers: dict[str, str] | None = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(headers=headers, timeout=timeout or seconds, auth=auth, transport=door)

    transport: AbstractAsyncContextManager[Any] = (
        sse_client(url, headers=headers, timeout=seconds, httpx_client_factory=http)
        if is_sse
        else streamable_http_client(url, http_client=http(headers))
    )
    with _opened(Client(transport, mode="legacy", read_timeout_seconds=seconds), door, seconds) as session:
        yield session


@contextmanager
def over_stdio(command: list[str], environ: Mapping[str, str]) -> Iterator[Session]:
    """A session with a program that is started for it, with `environ` and little else in its environment.

    What it writes to its standard error is not read: it may hold anything. Raises TargetError where it does not start.
    """
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env={**get_default_environment(), **environ}
    )
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        client = Client(stdio_client(parameters, errlog=nowhere), mode="legacy", read_timeout_seconds=SECONDS)
        with _opened(client, None) as session:
            yield session


def door_to(url: str, readable: Collection[str], budget: int) -> Door:
    """The door to the server at `url`."""
    return Door(httpx2.AsyncHTTPTransport(), origin_of(httpx2.URL(url)), readable, budget)


@contextmanager
def _opened(client: Client, door: Door | None, seconds: float = SECONDS) -> Iterator[Session]:
    with start_blocking_portal() as portal:
        try:
            manager = portal.wrap_async_context_manager(client)
            try:
                entered = manager.__enter__()
            except BaseException as error:
                raise TargetError("The MCP server gives no session.", got=reason_of(error, door)) from None
            try:
                yield Session(entered, portal, seconds)
            finally:
                manager.__exit__(None, None, None)
        finally:
            if door:
                portal.call(door.aclose)


def _offered(tool: types.Tool) -> Offered:
    hint = tool.annotations.read_only_hint if tool.annotations else None
    return Offered(tool.name, tool.input_schema, hint)


def _named(error: BaseException) -> str:
    """What kind of error it is: its text may hold what the server said."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
