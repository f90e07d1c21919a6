"""The MCP server of a simulator, started when it is first asked: its library takes longer to load than all the rest."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from whopwatch.simulator.app import Backend
    from whopwatch.simulator.mcp import McpServer

STREAMABLE, SSE, MESSAGES = "/mcp", "/sse", "/messages/"
NOT_INSTALLED = {"error": "the simulator's MCP server needs the library mcp: install whopwatch with its extra mcp"}


class McpOnDemand:
    """Answers at the MCP paths; every other request goes to `rest`."""

    def __init__(self, backend: Backend, rest: ASGIApp) -> None:
        self._backend = backend
        self._rest = rest
        self._lock = asyncio.Lock()
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on."""
        if scope["path"] not in (STREAMABLE, SSE, MESSAGES):
            await self._rest(scope, receive, send)
            return
        try:
            server = await self._started()
        except ImportError:
            await JSONResponse(NOT_INSTALLED, 501)(scope, receive, send)
            return
        await server(scope, receive, send)

    async def _started(self) -> McpServer:
        async with self._lock:
            if self._server is None:
                module = await asyncio.to_thread(import_module, "whopwatch.simulator.mcp")
                server: McpServer = module.McpServer(self._backend)
                ready = asyncio.Event()
                self._running = asyncio.create_task(_keep(server, ready))
                await ready.wait()
                self._server = server
            return self._server


async def _keep(server: McpServer, ready: asyncio.Event) -> None:
    """Run the server until the event loop ends."""
    async with server.run():
        ready.set()
        await asyncio.Event().wait()
