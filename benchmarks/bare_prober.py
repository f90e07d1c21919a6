"""The least that a prober in Python can do: ask, parse, validate, at a fixed pace. What it leaves out tells a bound.

No deadline, no guard, no bounds on what comes, no schedule that survives a stall, no metrics, no records, no check
besides the schema: what this costs, no prober that does more in the same language can fall below.

    python -m benchmarks.bare_prober PORT_OF_KNOWN_API
"""

from __future__ import annotations

import gc
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httptools
import jiter

from benchmarks.prober import INTERVAL, LISTED, OPERATIONS
from whopwatch.contract import load


class Body:
    """What the parser of HTTP calls."""

    def __init__(self) -> None:
        self.data = b""
        self.is_complete = False

    def on_body(self, data: bytes) -> None:
        """A part of the body."""
        self.data += data

    def on_message_complete(self) -> None:
        """Its end."""
        self.is_complete = True


def fetch(port: int, number: int) -> bytes:
    """The body of one answer, over a connection of its own."""
    request = (
        f"GET /api/v1/o{number:03}?company_id=biz_1&first=100 HTTP/1.1\r\nHost: known\r\nConnection: close\r\n\r\n"
    )
    body = Body()
    parser = httptools.HttpResponseParser(body)
    with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
        connection.sendall(request.encode())
        while not body.is_complete:
            parser.feed_data(connection.recv(2**16))
    return body.data


def main() -> None:
    """Probe until SIGTERM."""
    port, ended = int(sys.argv[1]), threading.Event()
    contract = load()
    operation = contract.operation(LISTED)
    validator = contract.validator(operation.success.pointer, operation.api)
    validator.prepare()
    gc.collect()
    gc.freeze()

    def probe(number: int) -> None:
        assert validator.is_exact(jiter.from_json(fetch(port, number % OPERATIONS)))

    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(port, flush=True)
    with ThreadPoolExecutor() as pool:
        begun, number = time.perf_counter(), 0
        while not ended.wait(max(begun + number * INTERVAL / OPERATIONS - time.perf_counter(), 0.0)):
            pool.submit(probe, number)
            number += 1


if __name__ == "__main__":
    main()
