"""What small HTTP servers of tests, and requests to local servers, have in common: no waiting and no output."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

Server = TypeVar("Server", bound=HTTPServer)

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""`verify` of httpx for local servers. Without it each call reads all certificates of the world first: 30 ms of CPU."""


class LocalHandler(BaseHTTPRequestHandler):
    """Logs nothing, and sends at once.

    Head and body are two packets. With Nagle's algorithm the second waits 40 ms for the client's acknowledgement.
    """

    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serve in a thread while the context is open."""
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
