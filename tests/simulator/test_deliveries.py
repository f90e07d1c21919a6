"""Every event of the world is delivered to the webhook: signed, at least once."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer

import httpx
import pytest

from tests.local_http import LocalHandler, running
from tests.simulator.asker import Asker
from whopwatch.contract import Contract, load
from whopwatch.core.errors import UsageError
from whopwatch.signature import Signed, verify_signature
from whopwatch.simulator import Backend, Simulator, SimulatorOptions, WebhookOptions, embedded
from whopwatch.simulator.declarations import declarations_of
from whopwatch.simulator.events import OutgoingDelivery, reachable_webhooks

NOW = 1_767_225_600.0
CONTRACT = load()


@pytest.fixture(scope="module")
def backend() -> Backend:
    return Backend(CONTRACT, SimulatorOptions())


def made(backend: Backend, event: str) -> OutgoingDelivery:
    """The parcel of an event that is made to happen."""
    parcels = backend.composer.trigger(CONTRACT.event(event), NOW)
    return next(parcel for parcel in parcels if parcel.event == event)


def test_every_event_has_its_rule() -> None:
    assert declarations_of(CONTRACT).events.keys() == CONTRACT.events.keys()


@pytest.mark.parametrize("items", [None, 0])
def test_every_event_can_be_triggered_repeatedly(items: int | None) -> None:
    backend = Backend(CONTRACT, SimulatorOptions(items=items))
    for event in [*CONTRACT.events] * 4:
        assert made(backend, event).payload["type"] == event


@pytest.mark.parametrize("event", CONTRACT.events)
def test_a_delivery_keeps_its_schema_and_is_signed(backend: Backend, event: str) -> None:
    parcel = made(backend, event)
    backend.composer.next_attempt(parcel, NOW)
    found = CONTRACT.events[event]
    assert list(CONTRACT.validator(found.pointer).violations(json.loads(parcel.body))) == []
    assert isinstance(verify_signature(parcel.secret, parcel.headers.items(), parcel.body, NOW), Signed)


def test_each_attempt_is_signed_anew(backend: Backend) -> None:
    parcel = made(backend, "payment.created")
    backend.composer.next_attempt(parcel, NOW)
    first = dict(parcel.headers)
    backend.composer.next_attempt(parcel, NOW + 1000)
    assert first["webhook-id"] == parcel.headers["webhook-id"]
    assert isinstance(verify_signature(parcel.secret, parcel.headers.items(), parcel.body, NOW + 1000), Signed)


WRITES: dict[str, tuple[str, dict[str, object], set[str]]] = {
    "cancelling": ("memberships.cancel", {"cancellation_mode": "immediate"}, {"membership.deactivated"}),
    "refunding": ("payments.refund", {}, {"refund.created"}),
    "approving": ("entries.approve", {}, {"entry.approved"}),
    "voiding": ("invoices.void", {}, {"invoice.voided"}),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_triggers_its_events(contract: Contract, name: str) -> None:
    """A request causes the events of every object that it changes."""
    id, body, events = WRITES[name]
    backend = Backend(contract, SimulatorOptions())
    operation = contract.operation(id)
    told: set[str] = set()
    for entity in backend.world.own(operation.resource)[:12]:
        parcels: list[OutgoingDelivery] = []
        with backend.composer.watching(parcels, NOW):
            answer = Asker(backend, contract)("POST", operation.fill({"id": entity.id}), body=body)
        assert answer.status == 200
        told |= {parcel.event for parcel in parcels}
    assert events <= told


class Receiver:
    """A receiver that rejects the first `refusals` attempts of each delivery."""

    def __init__(self, refusals: int) -> None:
        self.attempts: Counter[str] = Counter()
        self.accepted: list[str] = []
        self.requests: list[tuple[list[tuple[str, str]], bytes]] = []
        self.enough = threading.Semaphore(0)
        receiver = self

        class Handler(LocalHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append((self.headers.items(), body))
                id = json.loads(body)["id"]
                receiver.attempts[id] += 1
                taken = receiver.attempts[id] > refusals
                if taken:
                    receiver.accepted.append(id)
                    receiver.enough.release()
                self.send_response(200 if taken else 500)
                self.send_header("content-length", "0")
                self.end_headers()

        self.handler = Handler

    def wait(self, count: int) -> None:
        """Wait for so many accepted deliveries."""
        for _ in range(count):
            assert self.enough.acquire(timeout=120)


@contextmanager
def receiving(refusals: int = 0) -> Iterator[tuple[str, Receiver]]:
    receiver = Receiver(refusals)
    with running(ThreadingHTTPServer(("127.0.0.1", 0), receiver.handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/", receiver


@contextmanager
def delivering(url: str, **settings: object) -> Iterator[Simulator]:
    webhook = WebhookOptions(url, **{"jitter": 0.0, **settings})  # type: ignore[arg-type]
    with embedded(CONTRACT, webhook=webhook, control=True) as simulator:
        yield simulator


def test_rejected_deliveries_are_sent_again() -> None:
    with (
        receiving(refusals=2) as (url, receiver),
        delivering(url, retries=(0.01, 0.01), duplicate_every=0) as simulator,
    ):
        simulator.trigger("payment.succeeded")
        receiver.wait(1)
    assert list(receiver.attempts.values()) == [3]


def test_deliveries_arrive_twice_and_in_any_order() -> None:
    count = 20
    with receiving() as (url, receiver), delivering(url, jitter=1.0, duplicate_every=5) as simulator:
        told = [id for _ in range(count) for id in simulator.trigger("dispute.updated")]
        receiver.wait(count + count // 5)
    times = Counter(receiver.accepted)
    assert sorted(times.values()) == [1] * 16 + [2] * 4
    assert sorted(times) == sorted(told)
    assert list(times) != told


def test_requests_trigger_events() -> None:
    with receiving() as (url, receiver), delivering(url) as simulator:
        found = httpx.post(simulator.events_url, json={"events": ["invoice.paid", "entry.deleted"]})
        receiver.wait(2)
        wrong = httpx.post(simulator.events_url, json={"events": ["invoice.payed"]})
    assert found.json() == {"events": ["invoice.paid", "entry.deleted"]}
    assert wrong.status_code == 400
    assert "did you mean 'invoice.paid'?" in wrong.json()["error"]


@pytest.mark.parametrize("url", ["", "ftp://host/", "//host/x", "http://", "http://a b/\n"])
def test_an_invalid_url_is_an_error(url: str) -> None:
    with pytest.raises(UsageError):
        WebhookOptions(url)


def created(simulator: Simulator, **body: object) -> dict[str, str]:
    """A webhook made through the API, as it is answered."""
    headers = {"authorization": f"Bearer {simulator.api_key}"}
    answer = httpx.post(f"{simulator.base_url}/webhooks", headers=headers, json=body)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def test_a_created_webhook_gets_its_events_signed_with_its_own_secret() -> None:
    with receiving() as (url, receiver), embedded(CONTRACT) as simulator:
        webhook = created(simulator, url=url, events=["payment.succeeded"])
        simulator.trigger("invoice.paid")
        (wanted,) = simulator.trigger("payment.succeeded")
        receiver.wait(1)
        path = f"{simulator.base_url}/webhooks/{webhook['id']}"
        headers = {"authorization": f"Bearer {simulator.api_key}"}
        assert httpx.patch(path, headers=headers, json={"enabled": False}).status_code == 200
        simulator.trigger("payment.succeeded")
        assert httpx.patch(path, headers=headers, json={"enabled": True}).status_code == 200
        (again,) = simulator.trigger("payment.succeeded")
        receiver.wait(1)
        assert httpx.delete(path, headers=headers).status_code == 200
        assert not list(reachable_webhooks(simulator.backend.world))
    assert set(receiver.accepted) == {wanted, again}
    for sent, body in receiver.requests:
        assert isinstance(verify_signature(webhook["webhook_secret"], sent, body, time.time()), Signed)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/x", "http://127.0.0.1.example.com/", "http://10.0.0.1/", "http://[::1", "ftp://127.0.0.1/"],
)
def test_a_request_cannot_send_data_to_another_machine(url: str) -> None:
    with embedded(CONTRACT) as simulator:
        created(simulator, url=url, events=["payment.succeeded"], enabled=True)
        simulator.trigger("payment.succeeded")
        assert simulator.backend.sender is None


def test_webhooks_of_another_version_get_no_deliveries() -> None:
    with embedded(CONTRACT) as simulator:
        created(simulator, url="http://127.0.0.1:9/", events=["payment.succeeded"], api_version="v5")
        simulator.trigger("payment.succeeded")
        assert simulator.backend.sender is None
