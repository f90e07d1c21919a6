"""The receiver over a real socket: what it takes, what it refuses, and what it says of what it took."""

from __future__ import annotations

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from tests.local_http import NO_TLS
from tests.simulator.test_deliveries import Receiver, receiving
from whopwatch.config import Secret
from whopwatch.contract import load
from whopwatch.core.bounded_http import usable_connections
from whopwatch.core.errors import UsageError
from whopwatch.core.report import Report, Verdict
from whopwatch.reports.text import contract_line, states_line
from whopwatch.signature import new_secret, signed_headers
from whopwatch.simulator import Backend, SimulatorOptions
from whopwatch.webhooks.archive import RedactedArchive
from whopwatch.webhooks.checker import DeliveryChecker, DeliveryContracts
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.listener import Listener, ReceiverEvent, ReceiverLimits, run_listener, serve_metrics
from whopwatch.webhooks.samples import Sampler

CONTRACT = load()
SECRET = new_secret("0")
SMALL = ReceiverLimits(body_bytes=20_000, body_seconds=1.5, open_bytes=30_000, head_bytes=8_000, head_seconds=1.0)


@pytest.fixture(scope="module")
def backend() -> Backend:
    return Backend(CONTRACT, SimulatorOptions())


@pytest.fixture
def listener() -> Iterator[Listener]:
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=SMALL) as running:
        yield running


def body_of(backend: Backend, event: str = "payment.succeeded", **changes: Any) -> bytes:
    (parcel,) = (p for p in backend.composer.trigger(CONTRACT.event(event), time.time()) if p.event == event)
    return json.dumps({**parcel.payload, **changes}).encode()


def headers_of(body: bytes, id: str = "msg_1") -> dict[str, str]:
    return {"content-type": "application/json", **signed_headers(SECRET, id, int(time.time()), body)}


def post(listener: Listener, body: bytes, headers: dict[str, str] | None = None) -> int:
    headers = headers_of(body) if headers is None else headers
    return httpx.post(listener.url, content=body, headers=headers, timeout=60, verify=NO_TLS).status_code


def exposed(listener: Listener) -> str:
    return generate_latest(listener.metrics.registry).decode()


def test_a_delivery_is_taken_checked_and_counted(backend: Backend) -> None:
    body = body_of(backend)
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET))) as listener:
        assert post(listener, body) == 200
        assert post(listener, body) == 200
    report = listener.ledger.report("here")
    assert report.verdict is Verdict.CLEAN
    assert [(row.id, row.samples) for row in report.operations if row.samples] == [("webhook:payment.succeeded", 2)]
    text = exposed(listener)
    assert 'whop_webhook_deliveries_total{event="payment.succeeded",outcome="ok"} 1.0' in text
    assert 'whop_webhook_deliveries_total{event="payment.succeeded",outcome="duplicate"} 1.0' in text
    assert 'whop_webhook_receipt_lag_seconds_count{event="payment.succeeded"} 1.0' in text


def test_a_report_counts_the_events_of_the_contracts_that_deliveries_came_for() -> None:
    contracts, (old, new) = DeliveryContracts(), (load("2025-01-01"), load("2026-10-15-1"))
    assert len(old.events) < len(contracts.events) > 0
    with run_listener(contracts, DeliveryChecker(contracts, Secret(SECRET))) as listener:
        reports: list[Report] = []
        for contract in (old, new):
            sample = Sampler(contract, SECRET)("payment.succeeded")[0]
            assert httpx.post(listener.url, content=sample.body, headers=dict(sample.headers)).status_code == 200
            until = time.monotonic() + 120
            while listener.ledger.received < len(reports) + 1 and time.monotonic() < until:
                time.sleep(0.01)
            reports.append(listener.ledger.report("here"))
    first, second = reports
    assert f"{len(old.events)} events" in contract_line(first)
    assert states_line(first).startswith(f"1 of {len(old.events)} events verified")
    assert {row.reason for row in first.operations} == {None, "no delivery of this event was received"}
    assert len(second.operations) == len({*old.events, *new.events})
    only_new = next(name for name in new.events if name not in old.events)
    reasons = {row.id: row.reason for row in second.operations}
    assert reasons[f"webhook:{only_new}"] == "no delivery of this event was received; only 2026-10-15-1 has it"


def test_the_metrics_name_each_contract_that_a_delivery_may_be_of() -> None:
    contracts = DeliveryContracts()
    with run_listener(contracts, DeliveryChecker(contracts, Secret(SECRET))) as listener:
        families = {family.name: family for family in listener.metrics.registry.collect()}
    versions = {sample.labels["version"] for sample in families["whop_contract_info"].samples}
    assert versions == {"2025-01-01", "2026-10-15-1"}


def test_drift_is_kept_without_anybodys_data(backend: Backend, tmp_path: Path) -> None:
    data = {"id": "pay_private", "metadata": {"private_key": "x"}}
    body = body_of(backend, license="private text", data=data)
    folder = tmp_path / "kept"
    with run_listener(
        CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), save=RedactedArchive(CONTRACT, folder)
    ) as listener:
        assert post(listener, body) == 200
    assert listener.ledger.report("here").verdict is Verdict.DRIFT
    (file,) = folder.iterdir()
    text = file.read_text()
    assert json.loads(text)["payload"]["data"]["metadata"] == {"undocumented-1": "string"}
    assert not any(word in text for word in ("private text", "pay_private", "private_key", SECRET, "v1,"))


def test_of_many_kept_ones_the_oldest_goes(backend: Backend, tmp_path: Path) -> None:
    archive, checker = RedactedArchive(CONTRACT, tmp_path, most=3), DeliveryChecker(CONTRACT, Secret(SECRET))
    for place in range(5):
        body = body_of(backend, id=place)
        delivery = Delivery.of(headers_of(body, f"msg_{place}").items(), body, time.time())
        archive(delivery, checker.check(delivery, checker.verify(delivery)))  # type: ignore[arg-type]
    assert len(list(tmp_path.iterdir())) == 3


def test_an_unwritable_folder_is_reported_before_any_delivery() -> None:
    with pytest.raises(UsageError, match="cannot be saved"):
        RedactedArchive(CONTRACT, Path("/proc"))


def test_what_is_not_signed_is_refused_by_reason(listener: Listener, backend: Backend) -> None:
    body = body_of(backend)
    assert post(listener, body, {}) == 401
    assert post(listener, body, {**headers_of(body), "webhook-signature": "v1," + "A" * 43 + "="}) == 401
    assert post(listener, b"x" * 30_000, {}) == 401, "the body of an unsigned request is not read"
    assert httpx.get(listener.url).status_code == 405
    assert httpx.get(f"{listener.url}/healthz").status_code == 200
    text = exposed(listener)
    assert 'whop_webhook_refused_total{reason="missing-header"} 2.0' in text
    assert 'whop_webhook_refused_total{reason="mismatch"} 1.0' in text


def test_a_body_that_is_too_large_is_refused_however_it_comes(listener: Listener) -> None:
    body = b"x" * 30_000
    assert post(listener, body) == 413
    chunked = httpx.post(listener.url, content=iter([body[:15_000], body[15_000:]]), headers=headers_of(body))
    assert chunked.status_code == 413


def connected(url: str) -> socket.socket:
    parsed = httpx.URL(url)
    return socket.create_connection((parsed.host, parsed.port), timeout=60)


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Slow:
    """A sender that announces a body, sends some of it, and no more. The receiver reads it when the sender is made."""

    def __init__(self, listener: Listener, sent: bytes, announced: int = 10_000) -> None:
        fields = {"expect": "100-continue", **headers_of(b"")}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket = connected(listener.url)
        self.socket.sendall(f"POST / HTTP/1.1\r\nhost: x\r\n{head}content-length: {announced}\r\n\r\n".encode() + sent)
        assert self.socket.recv(len(CONTINUE)) == CONTINUE

    def answer(self) -> bytes:
        self.socket.settimeout(60)
        with self.socket:
            return self.socket.recv(1000)


def test_a_slow_body_has_its_time(listener: Listener, backend: Backend) -> None:
    slow = [Slow(listener, b"x") for _ in range(50)]
    body = body_of(backend)
    assert post(listener, body) == 200
    assert {one.answer().split(b" ")[1] for one in slow} == {b"408"}


def test_open_bodies_displace_the_oldest_of_them(backend: Backend) -> None:
    patient = ReceiverLimits(body_bytes=20_000, body_seconds=300.0, open_bytes=30_000)
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=patient) as listener:
        first = Slow(listener, b"x" * 9_000)
        rest = [Slow(listener, b"x" * 9_000) for _ in range(3)]
        assert first.answer().startswith(b"HTTP/1.1 408")
        assert post(listener, body_of(backend)) == 200
        for one in rest:
            one.socket.close()


@pytest.mark.parametrize("head", [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nx: " + b"y" * 20_000])
def test_a_head_that_never_ends_ends_the_connection(head: bytes) -> None:
    limits = replace(SMALL, head_seconds=0.1)
    with (
        run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=limits) as listener,
        connected(listener.url) as connection,
    ):
        connection.settimeout(10)
        connection.sendall(head)
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            return


def test_more_than_the_rate_is_put_off(backend: Backend) -> None:
    body = body_of(backend)
    with run_listener(
        CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=ReceiverLimits(rate=0.001)
    ) as listener:
        assert [post(listener, body) for _ in range(2)] == [200, 429]


def test_no_room_is_said_and_nothing_that_was_taken_is_lost(backend: Backend) -> None:
    body, entered, released, ended = body_of(backend), threading.Event(), threading.Event(), threading.Event()

    def compare(*_: object) -> Iterator[Any]:
        entered.set()
        released.wait(60)
        ended.set()
        yield from ()

    checker = DeliveryChecker(CONTRACT, Secret(SECRET), compare=compare)
    with run_listener(CONTRACT, checker, limits=ReceiverLimits(waiting=3)) as listener:
        statuses = [post(listener, body, headers_of(body, f"msg_{place}")) for place in range(5)]
        assert entered.wait(60)
        assert not ended.is_set(), "answered although the checks have not ended"
        released.set()
    assert statuses == [200, 200, 200, 503, 503]
    assert listener.ledger.received == 3


def test_a_refused_delivery_is_waited_for(backend: Backend) -> None:
    body = body_of(backend)
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), refuse_every=1) as listener:
        assert [post(listener, body) for _ in range(2)] == [503, 200]
    assert listener.ledger.report("here").verdict is Verdict.CLEAN


@pytest.mark.parametrize(("refusals", "statuses"), [(0, [200, 200]), (1, [500, 200])])
def test_a_delivery_is_passed_on_and_the_handlers_answer_is_given(
    backend: Backend, refusals: int, statuses: list[int]
) -> None:
    body = body_of(backend)
    with (
        receiving(refusals) as (url, handler),
        run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), forward_to=url) as listener,
    ):
        assert [post(listener, body) for _ in range(2)] == statuses
        assert post(listener, body, {}) == 401
    assert isinstance(handler, Receiver)
    assert list(handler.attempts.values()) == [2], "only what verified is passed on"
    assert listener.ledger.received == 2


def test_a_handler_that_is_not_there_is_a_bad_gateway(backend: Backend) -> None:
    with run_listener(
        CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), forward_to="http://127.0.0.1:9/"
    ) as listener:
        assert post(listener, body_of(backend)) == 502


def test_a_handler_that_answers_slowly_is_a_gateway_timeout(backend: Backend) -> None:
    """Each byte comes in time, but not the response."""
    limits = ReceiverLimits(forward_seconds=0.5)
    checker = DeliveryChecker(CONTRACT, Secret(SECRET))

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            for byte in (bytes([each]) for each in b"HTTP/1.1 200 " + b"O" * 200):
                connection.sendall(byte)
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with run_listener(CONTRACT, checker, forward_to=url, limits=limits) as listener:
            assert post(listener, body_of(backend)) == 504


class Idle:
    """Connections that send nothing, or part of a request head."""

    def __init__(self, url: str, count: int, sent: bytes = b"") -> None:
        self.sockets = []
        for _ in range(count):
            connection = connected(url)
            connection.sendall(sent)
            self.sockets.append(connection)
            # The server accepts a few at once. The kernel tries what finds no room again only after a second.
            time.sleep(0.002)

    def wait_until_closed(self, count: int) -> None:
        """Wait until the server has closed the first `count` of them."""
        for one in self.sockets[:count]:
            with suppress(ConnectionResetError):
                assert one.recv(1) == b""

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nhost: x\r\n"])
def test_idle_connections_give_way_to_deliveries(backend: Backend, sent: bytes) -> None:
    limits = ReceiverLimits(connections=20, head_seconds=60)
    body = body_of(backend)
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=limits) as listener:
        idle = Idle(listener.url, 60, sent)
        idle.wait_until_closed(40)
        assert [post(listener, body, headers_of(body, f"msg_{place}")) for place in range(8)] == [200] * 8
        assert listener.metrics.registry.get_sample_value("whop_webhook_connections") <= 21  # type: ignore[operator]
        idle.close()


def test_connections_that_are_kept_alive_give_way(backend: Backend) -> None:
    limits = ReceiverLimits(connections=5)
    body = body_of(backend)
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), limits=limits) as listener:
        clients = [httpx.Client(verify=NO_TLS) for _ in range(12)]
        statuses = [
            client.post(listener.url, content=body, headers=headers_of(body, f"msg_{place}")).status_code
            for place, client in enumerate(clients)
        ]
        for client in clients:
            client.close()
    assert statuses == [200] * 12


def test_metrics_have_connections_of_their_own(backend: Backend) -> None:
    body = body_of(backend)
    with (
        run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET))) as listener,
        serve_metrics(listener.metrics, ("127.0.0.1", 0)) as url,
    ):
        idle = Idle(url, 100)
        assert post(listener, body) == 200
        assert "whop_webhook_connections" in httpx.get(url).text
        openmetrics = httpx.get(url, headers={"Accept": "application/openmetrics-text;version=1.0.0"})
        idle.close()
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


def test_descriptors_limit_the_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (400, 500))
    changed: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: changed.append(limits))
    assert usable_connections(1000) == 500 - 384
    assert changed == [(500, 500)]
    assert usable_connections(100) == 100


def test_header_bytes_that_are_not_ascii_are_forwarded(backend: Backend) -> None:
    body = body_of(backend)
    head = {
        **headers_of(body),
        "user-agent": b"caf\xe9",
        "content-type": "application/json; x=\u00fc".encode("latin-1"),
    }
    with (
        receiving(0) as (url, handler),
        run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), forward_to=url) as listener,
    ):
        assert httpx.post(listener.url, content=body, headers=head).status_code == 200  # type: ignore[arg-type]
    assert isinstance(handler, Receiver)
    assert list(handler.attempts.values()) == [1]


def test_each_request_is_reported_as_it_comes(backend: Backend) -> None:
    body = body_of(backend)
    events: list[ReceiverEvent] = []
    checker = DeliveryChecker(CONTRACT, Secret(SECRET))
    with run_listener(CONTRACT, checker, report=events.append) as listener:
        post(listener, body)
        post(listener, body, {})
    assert {type(event).__name__ for event in events} == {"DeliveryResult", "Refusal"}
