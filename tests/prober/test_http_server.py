"""The prober's HTTP server: idle, slow and greedy clients do not keep others out."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from whopwatch.prober import http_server
from whopwatch.prober.http_server import MAX_CONNECTIONS, MAX_SLOW_PAGES, PageReply, PageRequest, PageServer, text_page

LARGE = b"x" * 2**22
"""More than the buffers of a loopback connection hold."""


def echo(request: PageRequest) -> PageReply:
    return text_page(repr((request.path, dict(request.query), request.client, request.authorization)))


def fails(_: PageRequest) -> PageReply:
    raise ValueError("a secret value")


@contextmanager
def serving(slow: Callable[[PageRequest], PageReply] = echo) -> Iterator[PageServer]:
    pages = {"/": echo, "/large": lambda _: PageReply(200, "text/plain", [LARGE]), "/slow": slow, "/fails": fails}
    server = PageServer(("127.0.0.1", 0), pages, ("/slow",))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def get(server: PageServer, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def connect(server: PageServer, stack: ExitStack, data: bytes = b"") -> socket.socket:
    connection = stack.enter_context(socket.create_connection(server.server_address, timeout=60))
    connection.sendall(data)
    return connection


def received(connection: socket.socket) -> bytes:
    """Return everything until the server closes the connection."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_a_page_gets_path_query_client_and_authorization() -> None:
    with serving() as server:
        status, body = get(server, "/?a=1&a=2&b=", Authorization="Bearer x")
    assert (status, body) == (200, repr(("/", {"a": "1", "b": ""}, "127.0.0.1", "Bearer x")))


def test_other_methods_and_pages_are_refused() -> None:
    with serving() as server:
        assert get(server, "/nowhere")[0] == 404
        assert get(server, "/", "POST")[0] == 501
        assert get(server, "/", "HEAD") == (200, "")
        assert get(server, "/fails") == (500, "Internal error.\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET / SSH-2.0\r\n\r\n", b"400"),
        (b"GET /?" + b"a&" * 50 + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET //[ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
    ],
)
def test_a_malformed_request_is_refused(head: bytes, status: bytes) -> None:
    with serving() as server, ExitStack() as stack:
        connection = connect(server, stack, head)
        assert received(connection).split(b" ")[1] == status


def test_a_head_in_pieces_and_a_large_response_are_complete() -> None:
    with serving() as server, ExitStack() as stack:
        connection = connect(server, stack)
        for byte in b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n":
            connection.sendall(bytes([byte]))
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(LARGE)}".encode() in head
    assert body == LARGE


def test_idle_connections_give_way() -> None:
    with serving() as server, ExitStack() as stack:
        idle = [connect(server, stack, b"GET / HT") for _ in range(3 * MAX_CONNECTIONS)]
        assert get(server, "/")[0] == 200
        assert received(idle[0]) == b"", "the oldest was closed"


def test_a_request_that_is_never_completed_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 0.1)
    with serving() as server, ExitStack() as stack:
        assert received(connect(server, stack, b"GET / HT")) == b""


def test_clients_that_do_not_read_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "EVICTABLE_AFTER", 0.0)
    with serving() as server, ExitStack() as stack:
        for _ in range(3 * http_server.MAX_UNSENT_RESPONSES):
            connect(server, stack, b"GET /large HTTP/1.1\r\n\r\n")
        assert get(server, "/")[0] == 200
        assert len(get(server, "/large")[1]) == len(LARGE)


def test_a_response_that_is_never_read_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "SEND_SECONDS", 0.1)
    with serving() as server, ExitStack() as stack:
        connection = connect(server, stack, b"GET /large HTTP/1.1\r\n\r\n")
        while not server._writing:
            time.sleep(0.01)
        while server._writing:
            time.sleep(0.01)
        assert len(received(connection)) < len(LARGE)


def test_slow_pages_are_limited_and_do_not_hold_up_others() -> None:
    release, started = threading.Event(), threading.Semaphore(0)

    def slow(_: PageRequest) -> PageReply:
        started.release()
        release.wait(60)
        return text_page("late\n")

    with serving(slow) as server, ExitStack() as stack:
        waiting = [connect(server, stack, b"GET /slow HTTP/1.1\r\n\r\n") for _ in range(MAX_SLOW_PAGES)]
        for _ in waiting:
            assert started.acquire(timeout=60)
        assert get(server, "/slow")[0] == 503
        assert get(server, "/")[0] == 200
        release.set()
        assert all(received(each).endswith(b"late\n") for each in waiting)
        assert get(server, "/slow")[0] == 200
