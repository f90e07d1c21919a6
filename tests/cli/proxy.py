"""A proxy in front of the simulator that changes some responses: a target whose behaviour a test switches."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.local_http import LocalHandler, running
from whopwatch.simulator import Simulator

Headers = dict[str, str]
Response = tuple[int, Headers, bytes]
JSON = {"content-type": "application/json"}


def api_error(status: int, kind: str) -> Response:
    return status, JSON, json.dumps({"error": {"type": kind, "message": "no"}}).encode()


@dataclass
class Proxy:
    """The base URL of the proxy; `change` is called with the number of the request, its path and the true response.

    The number is the place in `paths`: whoever clears them starts again with 1.
    """

    base_url: str = ""
    change: Callable[[int, str, Response], Response | None] = lambda number, path, response: response
    paths: list[str] = field(default_factory=list)


@contextmanager
def proxied(simulator: Simulator) -> Iterator[Proxy]:
    """Yield a proxy in front of `simulator`. If `change` returns None it closes the connection without a response."""
    upstream = urlsplit(simulator.base_url)
    proxy = Proxy()
    lock = threading.Lock()  # each number is given once, also if requests are answered side by side

    class Handler(LocalHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            with lock:
                proxy.paths.append(self.path)
                number = len(proxy.paths)
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port)
            own = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            connection.request(self.command, self.path, body or None, own)
            answer = connection.getresponse()
            raw = answer.read()
            connection.close()
            kept = {name.lower(): value for name, value in answer.getheaders()}
            kept = {
                name: kept[name]
                for name in ("content-type", "retry-after", "api-version-date", "x-request-id")
                if name in kept
            }
            changed = proxy.change(number, self.path.partition("?")[0], (answer.status, kept, raw))
            if changed is None:
                self.close_connection = True
                return
            status, headers, content = changed
            self.send_response(status)
            for name, value in {"content-length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            # A body that is shorter than announced ends with the connection.
            self.close_connection = self.close_connection or headers.get("content-length") is not None

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.forward)
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        proxy.base_url = f"http://127.0.0.1:{server.server_port}{upstream.path}"
        yield proxy
