"""The least that a prober in Python can do: request, parse, validate, at a fixed pace.

It has no deadline, guard, size limits, metrics, history, schedule that survives a stall, or check except the schema.
No prober in Python that does more can cost less.

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
    """The callbacks of the HTTP parser."""

    def __init__(self) -> None:
        self.data = b""
        self.is_complete = False

    def on_body(self, data: bytes) -> None:
        """Add a part of the body."""
        self.data += data

    def on_message_complete(self) -> None:
        """Note the end of the response."""
        self.is_complete = True


def fetch(port: int, number: int) -> bytes:
    """Return the body of one response, over a new connection."""
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
