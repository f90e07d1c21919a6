"""Deliveries to a handler: its status is read, whatever else it sends, within the time that it has."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from whopwatch.core.exchange import Failure
from whopwatch.http.webhook_handler import WebhookHandler
from whopwatch.http.wire import RequestFailedError


class Server:
    """A server that sends `parts` to the first connection, and keeps what it received."""

    def __init__(self, listener: socket.socket, parts: tuple[bytes, ...], pause: float) -> None:
        self._listener, self._parts, self._pause = listener, parts, pause
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.received = b""
        self.ended = threading.Event()

    def run(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                while b"a delivery" not in self.received:
                    self.received += connection.recv(65536)
                for part in self._parts:
                    connection.sendall(part)
                    self.ended.wait(self._pause)
                self.ended.wait()


@contextmanager
def server(*parts: bytes, pause: float = 0.0) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Server(listener, parts, pause)
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.ended.set()
            thread.join()


def post(address: str, path: str = "/hook", seconds: float = 60.0, user: str = "") -> int:
    handler = WebhookHandler(f"http://{user}{address}{path}", seconds)
    return handler.post([("webhook-id", "msg_1"), ("x", "\xe9")], b"a delivery")


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
def test_the_status_is_read_without_the_body(status: int) -> None:
    """The body is announced and never sent. A redirect is a status like any other."""
    head = f"HTTP/1.1 {status} Said\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 99999999999\r\n\r\n"
    with server(head.encode()) as made:
        assert post(made.address) == status


def test_a_body_without_end_and_an_information_before_the_response_are_passed_over() -> None:
    parts = (
        b"HTTP/1.1 103 Early\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *[b"1\r\nx\r\n"] * 99,
    )
    with server(*parts, pause=0.01) as made:
        assert post(made.address) == 200


def test_the_delivery_arrives_byte_for_byte() -> None:
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as made:
        post(made.address, path="/a b/\xe9?q=1%202&r=a b#part", user="me:p%40ss@")
    head, _, body = made.received.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /a%20b/%C3%A9?q=1%202&r=a%20b HTTP/1.1"
    assert f"Host: {made.address}".encode() in lines
    assert b"Authorization: Basic bWU6cEBzcw==" in lines
    assert b"webhook-id: msg_1" in lines
    assert b"x: \xe9" in lines
    assert body == b"a delivery"


def test_no_path_is_the_root() -> None:
    with server(b"HTTP/1.1 200 OK\r\n\r\n") as made:
        post(made.address, path="")
    assert made.received.startswith(b"POST / HTTP/1.1\r\n")
    assert b"Authorization" not in made.received


@pytest.mark.parametrize(
    ("parts", "failure"),
    [
        ((), Failure.DEADLINE),
        ([b"HTTP/1.1 200 OK\r\nx: ", *[b"y"] * 400], Failure.DEADLINE),
        ([b"no HTTP\r\n\r\n"], Failure.PROTOCOL),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n"], Failure.HEADERS_TOO_LARGE),
    ],
)
def test_a_handler_without_a_readable_response_is_given_up_in_time(parts: list[bytes], failure: Failure) -> None:
    with server(*parts, pause=0.05) as made, pytest.raises(RequestFailedError) as error:
        post(made.address, seconds=0.5)
    assert error.value.failure is failure


def test_no_proxy_gets_a_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    handler = WebhookHandler("https://127.0.0.1:2/hook", 5.0)
    with pytest.raises(RequestFailedError) as error:
        handler.post([], b"")
    assert error.value.failure is Failure.CONNECT, "a proxy that does not answer would be Failure.PROXY"
