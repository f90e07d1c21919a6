"""The client against a hostile server, over real sockets."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import fields, replace

import pytest

from tests.http.hostile.behaviours import BEHAVIOURS, Behaviour
from tests.http.hostile.places import CERTIFICATE, PLACES, Place
from tests.http.hostile.server import HostileServer
from tests.http.hostile.visit import mistake, visit, visit_place
from tests.http.support import CONTRACT, KEY, UNPACED, call, target
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.http import Client, Limits, wire


def everything(exchange: Exchange) -> str:
    """Return all fields of an exchange, also the ones that its repr omits."""
    return "\n".join(str(getattr(exchange, one.name)) for one in fields(exchange))


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with HostileServer() as running:
        yield running


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.name)
def test_every_behaviour_has_its_name(server: HostileServer, behaviour: Behaviour) -> None:
    before = server.requests[behaviour.name]  # other tests request some, too
    attempts = visit(server.base_url, behaviour)
    assert mistake(behaviour, attempts) is None
    assert server.requests[behaviour.name] - before == behaviour.attempts
    assert KEY not in "".join(map(everything, attempts))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_place_has_its_name(place: Place) -> None:
    with place.open() as base_url:
        exchange = visit_place(base_url, place.outcome)
    assert (exchange.failure, exchange.status) == (place.outcome, None)


def test_a_connection_that_was_closed_meanwhile_is_no_failure_of_the_api(server: HostileServer) -> None:
    seen: list[Exchange] = []
    wanted = call(query=(("company_id", "hangs up at the next request"),))
    with Client(target(server.base_url), CONTRACT, budget=10, limits=UNPACED, on_exchange=seen.append) as client:
        client.send(wanted)
        client.send(wanted)
        assert [exchange.status for exchange in seen] == [200, None, 200]
        assert seen[1].failure is Failure.RESET
        assert client.sent == 3, "the request that met the closed connection has left, too"


def test_a_response_without_a_request_is_not_taken_for_the_next_one(server: HostileServer) -> None:
    with Client(target(server.base_url), CONTRACT, budget=10, limits=UNPACED) as client:
        for name in ("sends a second answer at once", "answers correctly", "sends more than its length"):
            client.send(call(query=(("company_id", name),)))
        last = client.send(call(query=(("company_id", "sends HTML"),)))
    assert last.media_type == "text/html"


def test_a_cookie_is_not_sent_back(server: HostileServer) -> None:
    server.heads.clear()
    with Client(target(server.base_url), CONTRACT, budget=10, limits=UNPACED) as client:
        for _ in range(2):
            client.send(call(query=(("company_id", "sets a cookie"),)))
    assert all(b"\r\ncookie:" not in head.lower() for head in server.heads)


def test_the_phases_of_a_request_are_timed(server: HostileServer) -> None:
    with Client(target(server.base_url), CONTRACT, budget=10, limits=UNPACED) as client:
        phases = client.send(call(query=(("company_id", "answers correctly"),))).phases
    assert phases.tls is None
    parts = (phases.dns, phases.connect, phases.ttfb, phases.transfer)
    known = [seconds for seconds in parts if seconds is not None]
    assert len(known) == 4
    assert all(seconds >= 0 for seconds in known)
    assert sum(known) <= phases.total < 20.0


def test_a_used_connection_is_used_again_and_has_no_connect_phase(server: HostileServer) -> None:
    wanted = call(query=(("company_id", "keeps the connection"),))
    with Client(target(server.base_url), CONTRACT, budget=10, limits=UNPACED) as client:
        first, second = client.send(wanted), client.send(wanted)
    assert (first.status, second.status) == (200, 200)
    assert first.phases.connect is not None
    assert (second.phases.dns, second.phases.connect) == (None, None)


def test_the_key_of_an_https_target_is_not_shown_to_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with Client(target("https://api.example.com/api/v1"), CONTRACT, budget=1, limits=UNPACED) as client:
            exchange = client.send(call())
    assert exchange.failure is Failure.PROXY
    assert proxy.heard.startswith(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
    assert KEY.encode() not in proxy.heard


@pytest.mark.parametrize(
    ("status", "failure"),
    [(200, Failure.TLS), (204, Failure.TLS), (299, Failure.TLS), (300, Failure.PROXY), (407, Failure.PROXY)],
)
def test_only_a_success_of_the_proxy_opens_the_tunnel(
    status: int, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes after the headers are the host's: here they are no handshake."""
    with HostileProxy(f"HTTP/1.1 {status} Said\r\n\r\n".encode() + b"no handshake " * 9) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with Client(target("https://api.example.com/api/v1"), CONTRACT, budget=1, limits=UNPACED) as client:
            assert client.send(call()).failure is failure


def test_plain_http_takes_no_proxy(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Client(target(server.base_url), CONTRACT, budget=1, limits=UNPACED) as client:
        assert client.send(call(query=(("company_id", "answers correctly"),))).status == 200


@pytest.mark.parametrize(
    "proxy", ["http://u:secret@127.0.0.1:99999", "http://u:secret@h:abc", "http://[::1", "http://"]
)
def test_a_proxy_that_is_no_url_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UsageError, match="HTTPS_PROXY") as error:
        Client(target("https://api.example.com/api/v1"), CONTRACT, budget=1)
    assert "secret" not in str(error.value)


def test_a_slow_proxy_cannot_exceed_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileProxy(b"HTTP/1.1 200 OK" + b"." * 1000, pause=0.05) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        limits = replace(UNPACED, deadline=0.5)
        with Client(target("https://api.example.com/api/v1"), CONTRACT, budget=1, limits=limits) as client:
            assert client.send(call()).failure is Failure.PROXY
        assert not proxy.has_sent_all


@pytest.mark.parametrize("name", ["connecting goes on without end", "https, but it shakes no hand"])
def test_closing_the_client_ends_what_is_not_connected_yet(name: str) -> None:
    endless = Limits(rate=None, deadline=3600.0, connect=3600.0)
    place = next(place for place in PLACES if place.name == name)
    with place.open() as base_url, Client(target(base_url), CONTRACT, budget=1, limits=endless) as client:
        thread = threading.Thread(target=client.send, args=(call(),), daemon=True)
        thread.start()
        while client.sent == 0:
            time.sleep(0.01)
        time.sleep(0.2)  # from the budget to the socket
        client.close()
        thread.join(60.0)
        assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(select, "poll"), reason="select has no limit there")
def test_a_connection_is_used_again_in_a_process_with_many_open_files(server: HostileServer) -> None:
    resource = pytest.importorskip("resource")
    wanted = call(query=(("company_id", "keeps the connection"),))
    with ExitStack() as opened, Client(target(server.base_url), CONTRACT, budget=2, limits=UNPACED) as client:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        if before[0] < 1200:
            if before[1] < 1200:
                pytest.skip("the system allows no more open files")
            resource.setrlimit(resource.RLIMIT_NOFILE, (1200, before[1]))
            opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        while opened.enter_context(open(os.devnull)).fileno() < 1030:  # above what select takes
            pass
        assert [client.send(wanted).status for _ in range(2)] == [200, 200]


class HostileProxy:
    """A proxy that refuses to connect, or sends a `response` byte by byte, and keeps what it heard."""

    def __init__(
        self, response: bytes = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", pause: float = 0
    ) -> None:
        self._response, self._pause = response, pause
        self.has_sent_all = False
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.heard = b""

    def __enter__(self) -> HostileProxy:
        threading.Thread(target=self._refuse, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _refuse(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            self.heard = connection.recv(65536)
            with suppress(OSError):
                for byte in self._response:
                    connection.sendall(bytes([byte]))
                    time.sleep(self._pause)
                self.has_sent_all = True


@pytest.mark.parametrize(("host", "failure"), [("localhost", None), ("wrong.example", Failure.TLS)])
def test_a_trusted_certificate_is_accepted_for_its_own_name_only(
    monkeypatch: pytest.MonkeyPatch, host: str, failure: Failure | None
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setattr(wire, "_resolve", lambda _, port: [(socket.AF_INET, ("127.0.0.1", port))])
    place = next(place for place in PLACES if place.name == "https, signed by itself")
    with place.open() as base_url:
        elsewhere = base_url.replace("127.0.0.1", host)
        with Client(target(elsewhere), CONTRACT, budget=1, limits=UNPACED) as client:
            assert client.send(call()).failure is failure


def test_a_certificate_that_is_trusted_opens_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    place = next(place for place in PLACES if place.name == "https, signed by itself")
    with place.open() as base_url, Client(target(base_url), CONTRACT, budget=1, limits=UNPACED) as client:
        exchange = client.send(call())
    assert (exchange.status, exchange.body) == (200, b"{}")
    assert exchange.phases.tls is not None
    assert exchange.phases.tls > 0
