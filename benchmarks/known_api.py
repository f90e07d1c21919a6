"""A server that knows its own response times: the reference for measuring probers.

Every path below /api/v1 returns one page of a list after a fixed delay. The server records the true time of each
request: from its last byte in to the first and the last byte out. `mode` switches faults.

    python -m benchmarks.known_api    prints its port; PUT /mode and GET /log are for the benchmark
"""

from __future__ import annotations

import asyncio
import json
import re
import time

import httpx

from benchmarks.usage import command_line
from whopwatch.contract import load
from whopwatch.simulator import embedded

LISTED = "withdrawals.list"
"""A list with about 22 kB for 100 items."""
FAILURE = b'{"error":{"type":"internal_server_error","message":"no"}}'


NUMBER = b'"amount":100000.5'
"""The counter in the first item, different in each response."""


def page() -> bytes:
    """Return a page of 100 items from the simulator, as compact JSON."""
    with embedded(load(), items=100) as simulator:
        answer = httpx.get(
            simulator.base_url + load().operation(LISTED).path,
            params={"company_id": simulator.company_id, "first": 100},
            headers={"Authorization": f"Bearer {simulator.api_key}"},
        )
    body = answer.raise_for_status().content
    return re.sub(rb'"amount":[^,}]+', NUMBER, body, count=1)


def without_field(body: bytes) -> bytes:
    """Return the page without a required field."""
    value = json.loads(body)
    for item in value["data"]:
        del item["currency"]
    return json.dumps(value).encode()


class Server:
    """Respond with `body` after `delay` seconds, with another number in it each time, except in the mode `still`.

    The other modes are `ok`, and the faults `fails`, `field`, `slow`, `reset` and `hang`.
    """

    def __init__(self, body: bytes, delay: float = 0.01) -> None:
        self._body = body
        self._broken = without_field(body)
        self._delay = delay
        self._mode = "ok"
        self._count = 0
        self._log: list[tuple[str, float, float, float]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection: one request, or several from a client that keeps the connection."""
        try:
            keeps = True
            while keeps:
                head = await reader.readuntil(b"\r\n\r\n")
                received = time.perf_counter()
                method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                if path in ("/log", "/mode"):
                    await self._control(method, path, head, reader, writer)
                    return
                keeps = b"\r\nconnection: close\r\n" not in head.lower()
                await self._answer(path, received, writer, b"keep-alive" if keeps else b"close")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, received: float, writer: asyncio.StreamWriter, connection: bytes) -> None:
        mode = self._mode
        if mode == "hang":
            await asyncio.sleep(60)
        if mode == "reset":
            writer.transport.abort()
            return
        await asyncio.sleep(self._delay if mode != "slow" else 1.0)
        status, body = (b"500 No", FAILURE) if mode == "fails" else (b"200 OK", self._body)
        body = self._broken if mode == "field" else body
        if mode == "ok":
            self._count += 1
            body = body.replace(NUMBER, b'"amount":%06d.5' % (100_000 + self._count), 1)
        head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: %s\r\n\r\n"
        first = time.perf_counter()
        writer.write(head % (status, len(body), connection) + body)
        await writer.drain()
        self._log.append((path.partition("?")[0], received, first, time.perf_counter()))

    async def _control(
        self, method: str, path: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answer: object = None
        if path == "/log":
            answer, self._log = self._log, []
        elif method == "PUT":
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            self._mode = json.loads(await reader.readexactly(length))["mode"]
        body = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()


async def main() -> None:
    """Serve until killed."""
    server = Server(page())
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    command_line(__doc__).parse_args()
    asyncio.run(main())
