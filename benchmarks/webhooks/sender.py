"""Send deliveries as prepared bytes over many connections at once."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from whopwatch.contract import load
from whopwatch.signature import new_secret, signed_headers
from whopwatch.webhooks.samples import Sampler

SECRET = new_secret("benchmark")
REFUSED_FOR_NOW = frozenset({429, 503})


@dataclass
class Sent:
    """The result of sending: total `seconds`, attempts by status, and the response time of each accepted delivery."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    taken: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return the response time at the quantile of this share of the accepted deliveries."""
        return sorted(self.taken)[min(len(self.taken) - 1, int(share * len(self.taken)))]


def requests(count: int) -> list[bytes]:
    """Return different signed deliveries: each event in turn, each with an id of its own."""
    contract = load()
    sampler = Sampler(contract, SECRET)
    bodies = [sample.body for event in list(contract.events) * 4 for sample in sampler(event)]
    return [_request(place, bodies[place % len(bodies)]) for place in range(count)]


def _request(number: int, body: bytes) -> bytes:
    id = f"msg_{number:024}"
    body = re.sub(rb'"id":"msg_\w+"', f'"id":"{id}"'.encode(), body, count=1)
    headers = {"content-type": "application/json", **signed_headers(SECRET, id, int(time.time()), body)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /webhooks HTTP/1.1\r\nhost: receiver\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


async def send(port: int, wanted: Sequence[bytes], connections: int) -> Sent:
    """Send each request over several connections until it is accepted or finally refused."""
    queue, sent = list(reversed(wanted)), Sent()
    began = time.perf_counter()
    await asyncio.gather(*(_one(port, queue, sent) for _ in range(connections)))
    sent.seconds = time.perf_counter() - began
    return sent


async def _one(port: int, queue: list[bytes], sent: Sent) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    is_new = True
    while queue:
        wanted = queue.pop()
        began = time.perf_counter()
        writer.write(wanted)
        status, is_open = await answer(reader)
        sent.statuses[status] += 1
        if status == 200:
            sent.taken.append(time.perf_counter() - began)
        elif status in REFUSED_FOR_NOW:
            queue.insert(0, wanted)
            await asyncio.sleep(0.05)
        elif not status and not is_new:
            queue.append(wanted)  # the server closed an idle connection: HTTP clients send again on a new one
        is_new = not is_open
        if is_new:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return the status of the next response and whether the connection stays open; 0 if it closed without one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, False
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    if length:
        await reader.readexactly(length)
    return int(lines[0].split(" ")[1]), "connection: close" not in lines
