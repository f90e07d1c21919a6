"""Addresses at which no request can be made, each for another reason."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from whopwatch.core.exchange import Failure

CERTIFICATE = Path(__file__).parent / "localhost.pem"
"""A self-signed certificate for localhost and its key. Public, and of no use elsewhere."""


@dataclass(frozen=True)
class Place:
    """`open` gives a base URL; `outcome` is what comes of a request there."""

    name: str
    open: Callable[[], AbstractContextManager[str]]
    outcome: Failure


def _url(scheme: str, port: int) -> str:
    return f"{scheme}://127.0.0.1:{port}/api/v1"


@contextmanager
def _no_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield _url("http", port)


@contextmanager
def _no_name() -> Iterator[str]:
    yield "http://no-such-host.invalid/api/v1"


@contextmanager
def _overlong_name() -> Iterator[str]:
    yield f"http://{'a' * 70}.invalid/api/v1"


@contextmanager
def _full_queue() -> Iterator[str]:
    """Linux drops what exceeds the queue of connections, so that connecting goes on without end."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(server.getsockname())
        yield _url("http", server.getsockname()[1])
        for one in waiting:
            one.close()


@contextmanager
def _tls(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """An https address whose connections are given to `serve`, one after the other."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
                connection.settimeout(10.0)
                with connection:
                    serve(connection)
            except OSError:
                if server.fileno() < 0:
                    return

    threading.Thread(target=accept, daemon=True).start()
    yield _url("https", server.getsockname()[1])
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def _speaks_plainly(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.recv(4096)


def _shakes_no_hand(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def _hangs_up(connection: socket.socket) -> None:
    connection.recv(4096)


def _signs_for_itself(connection: socket.socket) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with context.wrap_socket(connection, server_side=True) as secured:
        secured.recv(4096)  # a request left unread would reset the connection under the answer
        secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


PLACES = (
    Place("no server listens", _no_server, Failure.CONNECT),
    Place("the name has no address", _no_name, Failure.DNS),
    Place("the name cannot have an address", _overlong_name, Failure.DNS),
    Place("connecting goes on without end", _full_queue, Failure.CONNECT_TIMEOUT),
    Place("https, but it speaks plainly", lambda: _tls(_speaks_plainly), Failure.TLS),
    Place("https, but it shakes no hand", lambda: _tls(_shakes_no_hand), Failure.CONNECT_TIMEOUT),
    Place("https, but it hangs up", lambda: _tls(_hangs_up), Failure.TLS),
    Place("https, signed by itself", lambda: _tls(_signs_for_itself), Failure.TLS),
)
