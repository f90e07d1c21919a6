"""A handler with the official SDK for comparison: Starlette, and `unwrap`, which verifies and parses."""

from __future__ import annotations

import base64
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from whop_sdk import Whop

from benchmarks.usage import command_line
from benchmarks.webhooks.sender import SECRET


def main() -> None:
    """Serve until the process ends. Prints the port first."""
    command_line(__doc__).parse_args()
    whop = Whop(api_key="none", webhook_key=base64.b64encode(SECRET.encode()).decode())

    async def handler(request: Request) -> Response:
        body = await request.body()
        whop.webhooks.unwrap(body.decode(), headers=dict(request.headers))
        return Response()

    app = Starlette(routes=[Route("/{path:path}", handler, methods=["POST"])])
    config = uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", ws="none")
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        print(listener.getsockname()[1])
        sys.stdout.flush()
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main()
