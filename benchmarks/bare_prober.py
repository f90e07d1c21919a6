"""The least that a prober in Python can do: request, parse, validate, at a fixed pace.

It has no deadline, guard, size limits, metrics, history, schedule that survives a stall, or check except the schema.
No prober in Python that does more can cost less.

    python -m benchmarks.bare_prober PORT_OF_KNOWN_API [ENGINE]

ENGINE is the HTTP client: each gets the same bytes over a new connection for each request, like the prober's.
"""

from __future__ import annotations

import gc
import http.client
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import httptools
import httpx
import jiter

from benchmarks.prober import INTERVAL, LISTED, OPERATIONS
from whopwatch.contract import load
from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network

Fetch = Callable[[int, int], bytes]
"""Returns the body of one response; takes the port and the number of the operation."""
CLOSE = {"Connection": "close"}


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


def path_of(number: int) -> str:
    """Return the path and query of one operation."""
    return f"/api/v1/o{number:03}?company_id=biz_1&first=100"


def fetch(port: int, number: int) -> bytes:
    """Return the body of one response, over a new connection."""
    request = f"GET {path_of(number)} HTTP/1.1\r\nHost: known\r\nConnection: close\r\n\r\n"
    body = Body()
    parser = httptools.HttpResponseParser(body)
    with socket.create_connection(("127.0.0.1", port), 5.0) as connection:
        connection.sendall(request.encode())
        while not body.is_complete:
            parser.feed_data(connection.recv(2**16))
    return body.data


def _with_http_client() -> Fetch:
    def get(port: int, number: int) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
        try:
            connection.request("GET", path_of(number), headers=CLOSE)
            return connection.getresponse().read()
        finally:
            connection.close()

    return get


def _with_wire() -> Fetch:
    networks: dict[int, Network] = {}
    limits = Limits()

    def get(port: int, number: int) -> bytes:
        base = f"http://127.0.0.1:{port}"
        network = networks.get(port) or networks.setdefault(port, Network([base], limits, fresh=True))
        request = HttpRequest("GET", base + path_of(number), tuple(CLOSE.items()))
        return bytes(network.send(request, AttemptTimer(time.perf_counter, 5.0)).body)

    return get


def _with_httpx() -> Fetch:
    client = httpx.Client(headers=CLOSE, timeout=5.0)
    return lambda port, number: client.get(f"http://127.0.0.1:{port}{path_of(number)}").content


def _with_pycurl() -> Fetch:
    pycurl = import_module("pycurl")  # not a dependency
    kept = threading.local()

    def get(port: int, number: int) -> bytes:
        if not hasattr(kept, "handle"):
            kept.handle = pycurl.Curl()
            kept.handle.setopt(pycurl.FORBID_REUSE, 1)
            kept.handle.setopt(pycurl.TIMEOUT, 5)
            kept.handle.setopt(pycurl.NOSIGNAL, 1)
        kept.handle.setopt(pycurl.URL, f"http://127.0.0.1:{port}{path_of(number)}")
        body: bytes = kept.handle.perform_rb()
        return body

    return get


ENGINES: dict[str, Callable[[], Fetch]] = {
    "socket": lambda: fetch,
    "http.client": _with_http_client,
    "wire": _with_wire,
    "httpx": _with_httpx,
    "pycurl": _with_pycurl,
}
"""What makes the requests: a plain socket, or an HTTP client. `wire` is the one of whopwatch."""


def main() -> None:
    """Probe until SIGTERM."""
    port, ended = int(sys.argv[1]), threading.Event()
    get = ENGINES[sys.argv[2] if len(sys.argv) > 2 else "socket"]()
    contract = load()
    operation = contract.operation(LISTED)
    validator = contract.validator(operation.success.pointer, operation.api)
    validator.prepare()
    gc.collect()
    gc.freeze()

    def probe(number: int) -> None:
        assert validator.is_exact(jiter.from_json(get(port, number % OPERATIONS)))

    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(port, flush=True)
    with ThreadPoolExecutor() as pool:
        begun, number = time.perf_counter(), 0
        while not ended.wait(max(begun + number * INTERVAL / OPERATIONS - time.perf_counter(), 0.0)):
            pool.submit(probe, number)
            number += 1


if __name__ == "__main__":
    main()
