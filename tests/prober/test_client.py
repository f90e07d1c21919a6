"""One GET over one socket: every behaviour of a server ends as one Failure or one complete response."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as counting

import pytest

from tests.http.hostile.places import CERTIFICATE, PLACES
from tests.prober.support import CONTRACT
from whopwatch.config import Secret, Target
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.http.call import Call
from whopwatch.http.limits import Limits
from whopwatch.prober.client import ProbeClient

KEY = "apik_0123456789abcdef"
LIST = Call(CONTRACT.operation("products.list"), Purpose.LIST, query=(("company_id", "biz_1"),))
SMALL = Limits(body_bytes=1000, header_bytes=2000, header_count=20)
BODY = b'{"data":[]}'


@contextmanager
def serving(
    *answers: bytes, hold: bool = False, kept: list[socket.socket] | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """Serve: read a request and send the next of `answers`, the last one repeatedly; then close.

    `hold` keeps the connection open instead, as a server that waits for more requests. `kept` collects the server's
    ends of the connections.
    """
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    kept = [] if kept is None else kept

    def serve() -> None:
        for number in counting():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            while request := connection.recv(65536):
                heard.append(request)
                connection.sendall(answers[min(len(heard) - 1, len(answers) - 1)])
                if not hold:
                    break
            if not hold:
                connection.close()
            assert number < 100

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1", heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in kept:
            with contextlib.suppress(OSError):  # is closed already
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()  # before the close: the thread may be about to read
        for connection in kept:
            connection.close()


def target(base_url: str) -> Target:
    return Target("t", base_url, f"{base_url[:-1]}2", api_key=Secret(KEY), company_id="biz_1", writable=True)


def ask(*answers: bytes, seconds: float = 5.0, limits: Limits = SMALL, hold: bool = False) -> Exchange:
    with serving(*answers, hold=hold) as (base_url, _):
        return ProbeClient(target(base_url), CONTRACT, limits=limits).send(LIST, seconds)


def http(body: bytes = BODY, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + end


PACKED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    "answer",
    [
        http(),
        chunked(BODY[:4], BODY[4:]),
        b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
        http(PACKED, "Content-Encoding: gzip"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(),
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(),
    ],
    ids=["length", "chunked", "until the end", "gzip", "early hints", "continue"],
)
def test_a_complete_response(answer: bytes) -> None:
    exchange = ask(answer)
    assert (exchange.status, exchange.body, exchange.failure) == (200, BODY, None)
    assert exchange.header("link") is None


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"", Failure.RESET),
        (b"HTTP/1.1 200", Failure.RESET),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", Failure.PROTOCOL),
        (http(length=500), Failure.INCOMPLETE),
        (chunked(BODY, end=b""), Failure.INCOMPLETE),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Failure.PROTOCOL),
        (chunked(end=b"zz\r\n"), Failure.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Failure.PROTOCOL),
        (http(b"x" * 1001), Failure.TOO_LARGE),
        (http(gzip.compress(b"x" * 1001, mtime=0), "Content-Encoding: gzip"), Failure.TOO_LARGE),
        (http(PACKED[:-4], "Content-Encoding: gzip"), Failure.ENCODING),
        (http(b"no gzip", "Content-Encoding: gzip"), Failure.ENCODING),
        (http(PACKED + b"x", "Content-Encoding: gzip"), Failure.ENCODING),
        (http(BODY, "Content-Encoding: br"), Failure.ENCODING),
        (http(BODY, *(f"X-{number}: 1" for number in range(30))), Failure.HEADERS_TOO_LARGE),
        (http(BODY, f"X-Long: {'x' * 3000}"), Failure.HEADERS_TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 200_000, Failure.HEADERS_TOO_LARGE),
    ],
    ids=lambda value: value.value if isinstance(value, Failure) else "",
)
def test_an_unreadable_response(answer: bytes, failure: Failure) -> None:
    exchange = ask(answer)
    assert (exchange.failure, exchange.status, exchange.body) == (failure, None, b"")


def test_a_redirect_is_not_followed() -> None:
    with serving(http(b"", "Location: /elsewhere", status="302 Found")) as (base_url, heard):
        exchange = ProbeClient(target(base_url), CONTRACT, limits=SMALL).send(LIST, 5.0)
    assert exchange.status == 302
    assert len(heard) == 1


def test_a_silent_server_ends_at_the_deadline() -> None:
    exchange = ask(b"", seconds=0.1, hold=True)
    assert exchange.failure is Failure.DEADLINE
    assert exchange.phases.connect is not None
    assert exchange.phases.ttfb is None


def test_without_time_left_nothing_is_sent() -> None:
    with serving(http()) as (base_url, heard):
        exchange = ProbeClient(target(base_url), CONTRACT, limits=SMALL).send(LIST, 0.0)
    assert exchange.failure is Failure.DEADLINE
    assert heard == []


def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    exchange = ProbeClient(target(f"http://127.0.0.1:{port}/api/v1"), CONTRACT).send(LIST, 5.0)
    assert exchange.failure is Failure.CONNECT


def test_an_invalid_host_name() -> None:
    exchange = ProbeClient(target(f"http://{'a' * 64}.example:1/api/v1"), CONTRACT).send(LIST, 5.0)
    assert exchange.failure is Failure.DNS


def test_a_server_without_tls() -> None:
    with serving(http()) as (base_url, heard):
        exchange = ProbeClient(target(base_url.replace("http:", "https:")), CONTRACT).send(LIST, 5.0)
    assert exchange.failure is Failure.TLS
    assert KEY.encode() not in b"".join(heard)


def test_the_phases_of_a_request() -> None:
    phases = ask(http()).phases
    parts = [phases.dns, phases.connect, phases.ttfb, phases.transfer]
    assert all(part is not None and part >= 0 for part in parts)
    assert phases.tls is None
    assert phases.total >= sum(part for part in parts if part is not None) - 1e-9


def test_the_content_of_a_request() -> None:
    with serving(http()) as (base_url, heard):
        ProbeClient(target(base_url), CONTRACT, limits=SMALL).send(LIST, 5.0)
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /api/v1/products?company_id=biz_1 HTTP/1.1"
    assert f"Authorization: Bearer {KEY}" in lines
    assert "Connection: close" in lines
    assert f"Host: {base_url.split('/')[2]}" in lines


def test_each_request_has_a_new_connection_unless_it_may_be_reused() -> None:
    for fresh, connections in ((True, 2), (False, 1)):
        with serving(http(), hold=not fresh) as (base_url, heard):
            sender = ProbeClient(target(base_url), CONTRACT, limits=SMALL, fresh=fresh)
            taken = [sender.send(LIST, 5.0).phases.connect is not None for _ in range(2)]
            sender.close()
        assert taken.count(True) == connections
        assert len(heard) == 2


def test_a_kept_connection_that_the_server_has_closed_is_not_used() -> None:
    ends: list[socket.socket] = []
    statuses = []
    with serving(http(), hold=False, kept=ends) as (base_url, _):
        sender = ProbeClient(target(base_url), CONTRACT, limits=SMALL, fresh=False)
        for _ in range(3):
            statuses.append(sender.send(LIST, 5.0).status)
            while any(end.fileno() >= 0 for end in ends):  # until the server, which is about to close it, has done so
                time.sleep(0.001)
        sender.close()
    assert statuses == [200, 200, 200]


@pytest.mark.parametrize("operation", ["products.create", "products.delete", "products.update"])
def test_only_gets_are_sent_even_to_a_writable_target(operation: str) -> None:
    with serving(http()) as (base_url, heard):
        sender = ProbeClient(target(base_url), CONTRACT)
        with pytest.raises(UnsafeRequestError):
            sender.send(Call(CONTRACT.operation(operation), Purpose.RETRIEVE, {"id": "prod_1"}), 5.0)
    assert heard == []


@pytest.mark.parametrize("id", ["../users", "a/b", "", "..", "a%2f..", KEY])
def test_an_id_with_another_path_or_the_key_is_not_sent(id: str) -> None:
    with serving(http()) as (base_url, heard):
        sender = ProbeClient(target(base_url), CONTRACT)
        with pytest.raises(UnsafeRequestError) as refused:
            sender.send(Call(CONTRACT.operation("products.retrieve"), Purpose.RETRIEVE, {"id": id}), 5.0)
    assert heard == []
    assert KEY not in str(refused.value)


def test_a_key_in_the_response_is_redacted() -> None:
    exchange = ask(http(b'{"you sent": "%s"}' % KEY.encode(), f"X-Echo: {KEY}"))
    assert exchange.body == b'{"you sent": "***"}'
    assert exchange.header("x-echo") == "***"


def test_a_proxy_is_used_for_https_only_and_learns_only_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(http(status="403 Forbidden")) as (proxy_url, heard):
        for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://user:pass%40word@{proxy_url.split('/')[2]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        exchange = ProbeClient(target("https://api.example.com/api/v1"), CONTRACT).send(LIST, 5.0)
        assert exchange.failure is Failure.PROXY
        request = heard[0].decode()
        assert request.startswith("CONNECT api.example.com:443 HTTP/1.1\r\n")
        assert "Proxy-Authorization: Basic dXNlcjpwYXNzQHdvcmQ=" in request
        assert KEY not in request
        with serving(http()) as (base_url, direct):
            assert ProbeClient(target(base_url), CONTRACT).send(LIST, 5.0).status == 200
        assert len(direct) == len(heard) == 1


def test_a_trusted_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    place = next(place for place in PLACES if place.name == "https, signed by itself")
    with place.open() as base_url:
        exchange = ProbeClient(target(base_url), CONTRACT).send(LIST, 5.0)
    assert (exchange.status, exchange.failure) == (200, None)
    assert (exchange.phases.tls or 0) > 0


def test_an_untrusted_certificate() -> None:
    place = next(place for place in PLACES if place.name == "https, signed by itself")
    with place.open() as base_url:
        assert ProbeClient(target(base_url), CONTRACT).send(LIST, 5.0).failure is Failure.TLS
