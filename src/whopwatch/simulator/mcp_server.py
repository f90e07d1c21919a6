"""Serve the contract's tools over MCP: streamable HTTP at /mcp, SSE at /sse.

A tool call is a request to the simulated API with the caller's key, so scopes, rate limits and faults apply to both.
Needs the library `mcp` (extra `mcp`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
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
from whopwatch.simulator.api.pipeline import ApiCall
from whopwatch.simulator.backend import MCP_MESSAGES, MCP_STREAMABLE, Backend

SERVER_NAME = "whopwatch-simulator"


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
        self._server: Server[Any] = Server(SERVER_NAME, on_list_tools=self._list_tools, on_call_tool=self._call_tool)
        self._sessions = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)
        self._sse = SseServerTransport(MCP_MESSAGES)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Serve within this context."""
        async with self._sessions.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an MCP request with a known key, and reject any other key with 401."""
        path = scope["path"]
        if not self._backend.accepts_key(_header(scope, b"authorization")):
            refusal = {"error": "invalid_token"}
            await JSONResponse(refusal, HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
        elif path == MCP_STREAMABLE:
            await self._sessions.handle_request(scope, receive, send)
        elif path == MCP_MESSAGES:
            await self._sse.handle_post_message(scope, receive, send)
        else:
            async with self._sse.connect_sse(scope, receive, send) as (read, write):
                await self._server.run(read, write, self._server.create_initialization_options())

    async def _list_tools(self, _: object, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        shown = (self._backend.offered_tool(tool.operation, self._listed[name]) for name, tool in self._tools.items())
        tools = [types.Tool.model_validate(one) for one in shown if one is not None]
        return types.ListToolsResult(tools=tools)

    async def _call_tool(self, context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, "Unknown tool.")
        path_params, query, body = request_from_arguments(tool.operation, params.arguments or {})
        if any(parameter.name not in path_params for parameter in tool.operation.in_("path")):
            raise MCPError(types.INVALID_PARAMS, "A required argument is missing.")
        call = ApiCall(
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
            # As the published server does: an API error becomes a protocol error that begins with the status.
            raise MCPError(types.INTERNAL_ERROR, f"{response.status_code} {text}")
        return types.CallToolResult(content=[types.TextContent(text=text)])


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
