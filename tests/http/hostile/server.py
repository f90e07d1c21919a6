"""A server on a real socket that behaves as it is asked to: the query's `company_id` names the behaviour.

`python -m tests.http.hostile.server` runs it alone and prints its port.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.http.hostile.behaviours import BEHAVIOURS

ANSWERS = {behaviour.name: behaviour.answer for behaviour in BEHAVIOURS}
TIMEOUT = 10.0


def read_head(connection: socket.socket) -> bytes:
    """Return a request up to the blank line; nothing if the client closes the connection before."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = connection.recv(65536)
        if not part:
            return b""
        head += part
    return head


class HostileServer:
    """Serves one connection a thread until it is left; `requests` counts what arrived, by behaviour."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.requests: Counter[str] = Counter()
        self.heads: list[bytes] = []

    @property
    def base_url(self) -> str:
        """Where the API seems to be."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def serve(self) -> None:
        """Take connections until the server is left."""
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(TIMEOUT)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection:
                head = read_head(connection)
                if head:
                    self._answer(connection, head)
        except OSError:
            pass  # the client has had enough, which is what most behaviours are about

    def _answer(self, connection: socket.socket, head: bytes) -> None:
        target = head.split(b" ", 2)[1].decode()
        name = parse_qs(urlsplit(target).query)["company_id"][0]
        self.heads.append(head)
        self.requests[name] += 1
        ANSWERS[name](connection, head)


if __name__ == "__main__":
    server = HostileServer()
    print(server.port, flush=True)
    server.serve()
