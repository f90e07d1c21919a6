"""Unsigned requests that try to use up memory, connections or time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from benchmarks.webhooks.sender import answer
from whopwatch.signature import SIGNATURE_HEADERS

FORGED = dict(zip(SIGNATURE_HEADERS, ("msg_1", "{now}", "v1," + "A" * 43 + "="), strict=True))
PIECE = b"10000\r\n" + b"x" * 65536 + b"\r\n"


def _head(*more: str, forged: bool = True) -> bytes:
    lines = [f"{name}: {value.format(now=int(time.time()))}" for name, value in FORGED.items()] if forged else []
    return "\r\n".join(("POST / HTTP/1.1", "host: receiver", *lines, *more, "", "")).encode()


async def slow_bodies(port: int, connections: int, until: asyncio.Event) -> int:
    """Keep connections that send a byte at a time, replaced when closed. Return how many were closed."""

    async def drip() -> int:
        ended = 0
        while not until.is_set():
            with suppress(ConnectionError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_head("content-length: 100000"))
                answered = asyncio.create_task(answer(reader))
                while not answered.done() and not until.is_set():
                    writer.write(b"x")
                    await asyncio.wait([answered], timeout=0.2)
                ended += answered.done()
                answered.cancel()
                writer.close()
        return ended

    return sum(await asyncio.gather(*(drip() for _ in range(connections))))


async def huge_body(port: int, size: int) -> int:
    """Send a chunked body of `size` bytes. Return the status, 0 if the connection was closed without a response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_head("transfer-encoding: chunked"))
    answered = asyncio.create_task(answer(reader))
    with suppress(ConnectionError):
        for _ in range(size // 65536):
            if answered.done():
                break
            writer.write(PIECE)
            await writer.drain()
    status, _ = await answered
    writer.close()
    return status


async def unsigned(port: int, count: int, connections: int) -> int:
    """Send unsigned requests as fast as possible. Return how many got 401."""
    left, refused = count, 0

    async def knock() -> None:
        nonlocal left, refused
        while left > 0:
            left -= 1
            with suppress(ConnectionError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(_head("content-length: 2", forged=False) + b"{}")
                status, _ = await answer(reader)
                refused += status == 401
                writer.close()

    await asyncio.gather(*(knock() for _ in range(connections)))
    return refused
