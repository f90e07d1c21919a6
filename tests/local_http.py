"""What every small HTTP server of these tests has in common: no waiting and no output."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

Server = TypeVar("Server", bound=HTTPServer)


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
