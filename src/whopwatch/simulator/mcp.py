"""The simulated MCP server: the tools of the contract, over streamable HTTP at /mcp and over SSE at /sse.

A call of a tool is a request to the simulated API with the key that the caller sent, so whatever is true of the one
(scopes, limits, faults) is true of the other. Needs the `mcp` library (extra `mcp`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio.to_thread
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from whopwatch.contract.arguments import request_from_arguments
from whopwatch.contract.mcp_tools import input_schema, tools_of
from whopwatch.simulator.on_demand import MESSAGES, STREAMABLE
from whopwatch.simulator.pipeline import Call

if TYPE_CHECKING:
    from whopwatch.simulator.app import Backend

NAME = "whopwatch-simulator"


class McpServer:
    """The MCP endpoints as an ASGI application."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._tools = tools_of(backend.contract)
        self._listed = {
            name: {
                "name": name,
                "description": f"{tool.operation.method} {tool.operation.path}",
                "inputSchema": input_schema(backend.contract, tool),
                "annotations": {"readOnlyHint": True} if tool.operation.is_read else {},
            }
            for name, tool in self._tools.items()
        }
        self._server: Server[Any] = Server(NAME, on_list_tools=self._list_tools, on_call_tool=self._call_tool)
        self._sessions = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        self._sse = SseServerTransport(MESSAGES)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve as long as the context does."""
        async with self._sessions.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an MCP request of a known key; refuse any other key."""
        path = scope["path"]
        if not self._backend.knows(_header(scope, b"authorization")):
            refusal = {"error": "invalid_token"}
            await JSONResponse(refusal, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
        elif path == STREAMABLE:
            await self._sessions.handle_request(scope, receive, send)
        elif path == MESSAGES:
            await self._sse.handle_post_message(scope, receive, send)
        else:
            async with self._sse.connect_sse(scope, receive, send) as (read, write):
                await self._server.run(read, write, self._server.create_initialization_options())

    async def _list_tools(self, _: object, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        shown = (self._backend.offer(tool.operation, self._listed[name]) for name, tool in self._tools.items())
        tools = [types.Tool.model_validate(one) for one in shown if one is not None]
        return types.ListToolsResult(tools=tools)

    async def _call_tool(self, context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, "There is no such tool.")
        path_params, query, body = request_from_arguments(tool.operation, params.arguments or {})
        if any(parameter.name not in path_params for parameter in tool.operation.in_("path")):
            raise MCPError(types.INVALID_PARAMS, "An argument is missing.")
        call = Call(
            method=tool.operation.method,
            api=tool.operation.api,
            path=tool.operation.fill({name: quote(value, safe="") for name, value in path_params.items()}),
            query_pairs=query,
            headers={"authorization": context.request.headers["authorization"], "content-type": "application/json"},
            raw_body=json.dumps(body).encode() if tool.operation.body else b"",
        )
        response = await anyio.to_thread.run_sync(self._backend.answer, call)
        text = bytes(response.body).decode("utf-8", "replace")
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            # As the published server does: the API's error is one of the protocol, status first.
            raise MCPError(types.INTERNAL_ERROR, f"{response.status_code} {text}")
        return types.CallToolResult(content=[types.TextContent(text=text)])


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
