"""Connect to an MCP server, over HTTP to one origin within limits, or through the standard streams of a command.

The rules are enforced here, where a message leaves the process, so that no caller can bypass them.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
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

from whopwatch.config.target import refuse_unencrypted
from whopwatch.core.errors import TargetError
from whopwatch.core.redaction import redact
from whopwatch.mcp.compare import OfferedTool, ToolResult

_SAFE_METHODS = frozenset({"initialize", "ping", "tools/list", "server/discover"})
_MAX_RESPONSE_BYTES = 16 << 20
_MAX_HEADER_BYTES = 64 << 10


@dataclass
class ReadOnlyTransport(httpx2.AsyncBaseTransport):
    """Passes messages to `inner` if they change nothing and stay at `origin`.

    `readable` are the tools that may be called and `budget` is the maximum number of messages. `sent` and `held_back`
    count the messages. `refusals` are the responses with status 300 and above, each with its authentication scheme.
    """

    inner: httpx2.AsyncBaseTransport
    origin: tuple[str, str, int | None]
    readable: Collection[str]
    budget: int
    sent: int = 0
    held_back: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, or return 403 for one that is not allowed."""
        is_message = request.method == "POST"
        if origin_of(request.url) != self.origin or (is_message and not self._is_safe(await request.aread())):
            # A response instead of an exception: an exception would end the session.
            self.held_back += 1
            return httpx2.Response(403)
        if is_message:
            if self.sent >= self.budget:
                self.held_back += 1
                return httpx2.Response(403)
            self.sent += 1
        response = await self.inner.handle_async_request(request)
        if response.status_code >= 300:
            scheme = response.headers.get("www-authenticate", "").partition(" ")
            required = "oauth" if "resource_metadata" in scheme[2] else scheme[0].lower()[:16]
            self.refusals.append((response.status_code, required))
        if sum(len(name) + len(value) for name, value in response.headers.raw) > _MAX_HEADER_BYTES:
            await response.aclose()
            raise httpx2.RemoteProtocolError("too many response headers")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_BoundedStream(response.stream),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self.inner.aclose()

    def _is_safe(self, body: bytes) -> bool:
        message = json.loads(body)
        method = message.get("method") if isinstance(message, dict) else None
        if not isinstance(method, str):
            return False
        name = message.get("params", {}).get("name") if method == "tools/call" else None
        return method.startswith("notifications/") or method in _SAFE_METHODS or name in self.readable


class _BoundedStream(httpx2.AsyncByteStream):
    """A body that raises an error if it exceeds the limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > _MAX_RESPONSE_BYTES:
                raise httpx2.ReadError("the response is too large")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def origin_of(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port."""
    return url.scheme, url.host, url.port


_REFUSALS = {
    401: "the key was refused (401)",
    403: "the key lacks a permission, or this network address is blocked (403)",
    404: "nothing at this address (404): the transport was retired, or the path is wrong",
    405: "the address accepts no messages (405): it belongs to another transport",
    410: "the transport was retired (410)",
    429: "rate limited (429)",
}


def failure_reason(error: BaseException, transport: ReadOnlyTransport | None) -> str:
    """Return why a server opened no session: the refused statuses if there are any, otherwise the kind of error."""
    for status, scheme in transport.refusals if transport else ():
        if status == 401 and scheme == "oauth":
            return "the server requires OAuth and accepts no API key (401)"
        if status in _REFUSALS:
            return _REFUSALS[status]
        if 300 <= status < 400:
            return f"a redirect ({status}), which is not followed"
        return f"the server responded with status {status}"
    for inner in _leaf_errors(error):
        if isinstance(inner, (httpx2.ConnectError, httpx2.ConnectTimeout)):
            return "unreachable: nothing accepts a connection at this address. Check the URL, and that the server runs"
        if isinstance(inner, (httpx2.TimeoutException, TimeoutError)):
            return "no response in time"
        if isinstance(inner, FileNotFoundError):
            return "the command was not found"
        if isinstance(inner, PermissionError):
            return "the command is not executable"
    if transport is None:
        return "the command ended, printed nothing, or does not speak MCP: run it by hand to see its output"
    return "the server does not speak MCP"


def _leaf_errors(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaf_errors(inner)
    else:
        yield error


# The library logs what servers send, which can contain keys and personal data.
logging.getLogger("mcp").addHandler(logging.NullHandler())
logging.getLogger("mcp").propagate = False

_SECONDS = 30.0
_MAX_TOOL_PAGES = 20
_MAX_TOOLS = 2000
_LIST_RESPONSES = 4
"""How many times the timeout of one response the whole list of tools may take."""
_CLOSE_SECONDS = 5.0
"""Time to end a session. The results are complete by then, so a server that does not end it is cut off."""
_STATUS = re.compile(r"(\d{3})\b\s*(.*)", re.DOTALL)


class McpSession:
    """A connected server. It implements `McpToolServer`."""

    def __init__(
        self, client: Client, portal: BlockingPortal, seconds: float = _SECONDS, ends_at: float = math.inf
    ) -> None:
        self._client = client
        self._portal = portal
        self._seconds = seconds
        self._ends_at = ends_at

    def tools(self) -> list[OfferedTool]:
        """Return all tools, page by page. Raise TargetError if the server fails or the list does not end."""
        found: list[OfferedTool] = []
        cursor: str | None = None
        deadline = min(monotonic() + _LIST_RESPONSES * self._seconds, self._ends_at)
        for _ in range(_MAX_TOOL_PAGES):
            try:
                page = self._portal.call(self._list, cursor, deadline - monotonic())
            except Exception as error:
                raise TargetError("The MCP server does not list its tools.", got=_error_kind(error)) from None
            found += (_offered(tool) for tool in page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return found
            if len(found) > _MAX_TOOLS:
                break
        raise TargetError("The MCP server lists too many tools.", expected=f"at most {_MAX_TOOLS}")

    def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call one tool. An error of the API arrives as a protocol error whose message starts with the status."""
        try:
            result = self._portal.call(self._call, name, dict(arguments))
        except MCPError as error:
            status = _STATUS.match(error.error.message)
            return ToolResult(int(status[1]), status[2]) if status else ToolResult(None, failure="protocol error")
        except Exception as error:
            return ToolResult(None, failure=_error_kind(error))
        text = redact("".join(part.text for part in result.content if isinstance(part, types.TextContent)))
        status = _STATUS.match(text) if result.is_error else None
        if result.is_error:
            return ToolResult(int(status[1]), status[2]) if status else ToolResult(None, failure="tool error")
        return ToolResult(200, text)

    async def _list(self, cursor: str | None, seconds_left: float) -> types.ListToolsResult:
        with anyio.fail_after(max(min(self._seconds, seconds_left), 0.0)):
            return await self._client.list_tools(cursor=cursor)

    async def _call(self, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        with anyio.fail_after(max(min(self._seconds, self._ends_at - monotonic()), 0.0)):
            return await self._client.call_tool(name, arguments)


@contextmanager
def over_http(
    url: str,
    key: str | None,
    transport: ReadOnlyTransport,
    *,
    is_sse: bool,
    seconds: float = _SECONDS,
    ends_at: float = math.inf,
) -> Iterator[McpSession]:
    """Open a session over streamable HTTP or SSE. Opening it, and each response, may take `seconds`.

    Nothing takes longer than until `ends_at` (of the monotonic clock). Raise TargetError if the server refuses the
    session, UsageError if the key would be sent unencrypted.
    """
    if key:
        refuse_unencrypted(url, "the URL of the MCP server", "use https, or unset the key")
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    def http(headers: dict[str, str] | None = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(headers=headers, timeout=timeout or seconds, auth=auth, transport=transport)

    streams: AbstractAsyncContextManager[Any] = (
        sse_client(url, headers=headers, timeout=seconds, httpx_client_factory=http)
        if is_sse
        else streamable_http_client(url, http_client=http(headers))
    )
    with _open(Client(streams, mode="legacy", read_timeout_seconds=seconds), transport, seconds, ends_at) as session:
        yield session


@contextmanager
def over_stdio(
    command: list[str], environ: Mapping[str, str], *, seconds: float = _SECONDS, ends_at: float = math.inf
) -> Iterator[McpSession]:
    """Start a program and open a session with it; its environment has `environ` and a few system variables.

    Opening it, and each response, may take `seconds`, and nothing longer than until `ends_at`. Its standard error is
    discarded: it can contain keys. Raise TargetError if the program does not start.
    """
    parameters = StdioServerParameters(
        command=command[0], args=command[1:], env={**get_default_environment(), **environ}
    )
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        client = Client(stdio_client(parameters, errlog=nowhere), mode="legacy", read_timeout_seconds=seconds)
        with _open(client, None, seconds, ends_at) as session:
            yield session


def transport_to(url: str, readable: Collection[str], budget: int) -> ReadOnlyTransport:
    """Return the transport to the server at `url`."""
    return ReadOnlyTransport(httpx2.AsyncHTTPTransport(), origin_of(httpx2.URL(url)), readable, budget)


@contextmanager
def _open(client: Client, transport: ReadOnlyTransport | None, seconds: float, ends_at: float) -> Iterator[McpSession]:
    with start_blocking_portal() as portal:
        try:
            manager = portal.wrap_async_context_manager(_bounded(client, max(min(seconds, ends_at - monotonic()), 0.0)))
            try:
                entered = manager.__enter__()
            except BaseException as error:
                raise TargetError(
                    "The MCP server does not open a session.", got=failure_reason(error, transport)
                ) from None
            try:
                yield McpSession(entered, portal, seconds, ends_at)
            finally:
                # A server that fails while its session ends does not change what was seen before.
                with suppress(Exception):
                    manager.__exit__(None, None, None)
        finally:
            if transport:
                portal.call(_close, transport)


@asynccontextmanager
async def _bounded(client: Client, seconds: float) -> AsyncIterator[Client]:
    """Open `client` within `seconds` and close it within a few; in between each call has a deadline of its own."""
    with anyio.fail_after(seconds) as scope:
        async with client as opened:
            scope.deadline = math.inf
            try:
                yield opened
            finally:
                scope.deadline = anyio.current_time() + _CLOSE_SECONDS


async def _close(transport: ReadOnlyTransport) -> None:
    with anyio.move_on_after(_CLOSE_SECONDS):
        await transport.aclose()


def _offered(tool: types.Tool) -> OfferedTool:
    hint = tool.annotations.read_only_hint if tool.annotations else None
    return OfferedTool(tool.name, tool.input_schema, hint)


def _error_kind(error: BaseException) -> str:
    """Return the kind of an error, without its message: that can contain data of the server."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return "no response in time" if isinstance(error, TimeoutError) else type(error).__name__
