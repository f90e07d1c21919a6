"""A webhook receiver that records the notifications of Alertmanager and their times."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import ThreadingHTTPServer

from tests.local_http import LocalHandler, running


@dataclass(frozen=True)
class Notice:
    """One received alert. `at` is monotonic, `path` the receiver that it was routed to."""

    at: float
    path: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class Receiver:
    """Listen on a free loopback port while the context is open."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._open = ExitStack()
        self._came = threading.Condition()
        receiver = self

        class Handler(LocalHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.take(self.path, body)
                self.send_response(200)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        self._open.enter_context(running(self._server))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def take(self, path: str, body: Mapping[str, object]) -> None:
        """Store the alerts of one notification."""
        alerts = body["alerts"]
        assert isinstance(alerts, list)
        with self._came:
            for alert in alerts:
                self.notices.append(
                    Notice(time.monotonic(), path, alert["status"], alert["labels"], alert["annotations"])
                )
            self._came.notify_all()

    def wait(self, holds: Callable[[Notice], bool], since: float, seconds: float) -> Notice:
        """Return the first notice after `since` for which `holds` is true; fail if there is none within `seconds`."""
        end = time.monotonic() + seconds
        with self._came:
            while True:
                for notice in self.notices:
                    if notice.at >= since and holds(notice):
                        return notice
                left = end - time.monotonic()
                if left <= 0:
                    seen = sorted({f"{notice.status} {notice.labels['alertname']}" for notice in self.notices})
                    raise AssertionError(f"no such alert within {seconds:.0f} s; seen: {', '.join(seen) or 'none'}")
                self._came.wait(left)
