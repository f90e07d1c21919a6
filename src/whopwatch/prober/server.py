"""The prober's own HTTP server: metrics, one-shot probes, history, health."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from whopwatch import __version__
from whopwatch.core.errors import UsageError

MOST_CONNECTIONS = 16
IDLE_SECONDS = 10.0
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


class Reply(NamedTuple):
    """What a page answers with."""

    status: int
    media_type: str
    parts: Sequence[bytes]


Query = Mapping[str, str]
Page = Callable[[Query], Reply]
"""Answers one path; the query's parameters are those of the request, the first of each name."""


def text(content: str, status: int = 200) -> Reply:
    """A page of plain text."""
    return Reply(status, TEXT, [content.encode()])


def as_json(content: object, status: int = 200) -> Reply:
    """A page of JSON."""
    return Reply(status, JSON, [json.dumps(content, indent=1).encode(), b"\n"])


class Server(ThreadingHTTPServer):
    """Serves `pages` by path at `address`; GET and HEAD alone, a bounded number of connections at a time.

    Raises UsageError where the address cannot be listened at.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise UsageError(
                "The prober cannot listen at this address.",
                where=f"option --listen, {address[0]}:{address[1]}",
                got=error.strerror or "an address that cannot be resolved",
                hint="choose another HOST:PORT; port 0 takes a free one",
            ) from None

    def start(self) -> None:
        """Serve from a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.2,), daemon=True, name="server").start()

    def stop(self) -> None:
        """Serve no more."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: object, client_address: object) -> None:
        """Answer in a thread, as long as there are not too many: a scrape must not starve the probes."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """What the thread does."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's news."""


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS
    server: Server
    server_version = f"whopwatch/{__version__}"
    sys_version = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        page = self.server.pages.get(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        reply = page(query) if page else text("There is no such page. See /.\n", 404)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.media_type)
        self.send_header("Content-Length", str(sum(map(len, reply.parts))))
        self.end_headers()
        if self.command != "HEAD":
            for part in reply.parts:
                self.wfile.write(part)

    do_HEAD = do_GET  # noqa: N815 (the name that http.server looks for)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""
