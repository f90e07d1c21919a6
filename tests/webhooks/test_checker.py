"""Every signed delivery is checked without an error, and the memory of past deliveries is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.mock import MockTransport
from tests.webhooks.observed import CONTRACT
from whopwatch.config import Secret, Target
from whopwatch.contract import load
from whopwatch.core.finding import Finding
from whopwatch.http import Client
from whopwatch.signature import Signed, new_secret
from whopwatch.simulator import Simulator, embedded
from whopwatch.webhooks.archive import redact_delivery
from whopwatch.webhooks.checker import DeliveryChecker, DeliveryOutcome
from whopwatch.webhooks.checks import DuplicateDetector, RetryMonitor
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.lookup import ObjectLookup, different_fields
from whopwatch.webhooks.samples import Sampler

NOW = 1_767_225_600.0
SECRET = new_secret("checker")
CHECKER = DeliveryChecker(CONTRACT, Secret(SECRET))
CALM = settings(derandomize=True, database=None, max_examples=150)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*CONTRACT.events, "payment_succeeded", "unheard.of", ""])
ENVELOPES = st.dictionaries(st.sampled_from(["id", "data", "timestamp", "company_id", "api_version", "x"]), VALUES)


def check(
    body: bytes, id: str = "msg_1", checker: DeliveryChecker = CHECKER
) -> tuple[Delivery, DeliveryOutcome, tuple[Finding, ...]]:
    delivery = Delivery.of({"Content-Type": "application/json"}.items(), body, NOW)
    result = checker.check(delivery, Signed(id, int(NOW)))
    json.dumps(redact_delivery(CONTRACT, delivery, result))
    return delivery, result.outcome, result.findings


@CALM
@given(NAMES, ENVELOPES)
def test_any_envelope_is_checked(event: str, envelope: dict[str, object]) -> None:
    body = json.dumps({**envelope, "type": event}).encode()
    _, outcome, findings = check(body, checker=DeliveryChecker(CONTRACT, Secret(SECRET)))
    assert outcome is DeliveryOutcome.DRIFT
    assert all(finding.operation.startswith("webhook:") for finding in findings)


@CALM
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_checked(body: bytes) -> None:
    assert check(body, checker=DeliveryChecker(CONTRACT, Secret(SECRET)))[1] is DeliveryOutcome.DRIFT


def test_findings_and_archive_contain_no_value_of_the_delivery() -> None:
    (sample,) = Sampler(CONTRACT, SECRET)("payment.succeeded")
    payload = json.loads(sample.body)
    payload["data"] = {name: ["a private text"] for name in payload["data"]}
    payload["timestamp"] = payload["company_id"] = "a private text"
    delivery, _, findings = check(json.dumps(payload).encode())
    assert len(findings) > 20
    assert "private" not in json.dumps([finding.to_json() for finding in findings])
    result = CHECKER.check(delivery, Signed("msg_2", int(NOW)))
    assert "private" not in json.dumps(redact_delivery(CONTRACT, delivery, result))


def test_only_so_many_deliveries_are_remembered() -> None:
    identity = DuplicateDetector(remembered=3)
    for place in range(10):
        assert identity.check(f"msg_{place}", b"%d" % place) == (False, None)
    assert identity.check("msg_9", b"9") == (True, None)
    assert identity.check("msg_0", b"0") == (False, None), "forgotten by now"


def test_only_so_many_retries_are_awaited() -> None:
    retries = RetryMonitor(every=1)
    refused = sum(retries.should_refuse(f"msg_{place}", NOW) for place in range(5000))
    assert refused == 1000
    assert len(list(retries.overdue(NOW + 1000))) == 1000
    assert list(retries.overdue(NOW + 1000)) == []


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded(CONTRACT) as running:
        yield running


@pytest.mark.parametrize("id", ["", 7, None, "x" * 100_000, "../../users", "a b\n"])
def test_an_id_that_is_none_is_asked_for_at_most_once_and_by_get(simulator: Simulator, id: object) -> None:
    with Client(simulator.target(), CONTRACT, budget=1) as client:
        lookup = ObjectLookup(CONTRACT, client)
        for _ in range(2):
            found = list(lookup(CONTRACT.event("payment.created"), {"id": id}))
            assert {finding.location for finding in found} <= {"/data/id"}
        assert client.unsafe == 0
        assert client.sent <= 1


def test_what_may_have_changed_since_is_not_compared() -> None:
    then = {"id": "a", "status": "open", "created_at": "1", "updated_at": "1", "company": {"id": "b", "title": "c"}}
    now = {"id": "x", "status": "paid", "created_at": "2", "updated_at": "2", "company": {"id": "y", "title": "z"}}
    lasting = frozenset({("id",), ("created_at",), ("company", "id")})
    assert set(different_fields(then, now, lasting)) == lasting
    assert ("status",) in set(different_fields(then, {**now, "updated_at": "1"}, lasting))


@pytest.mark.parametrize("version", ["2025-01-01", "2026-10-15-1"])
def test_an_object_is_requested_in_the_version_of_its_delivery(version: str) -> None:
    contract = load(version)
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Api-Version-Date"))
        return httpx.Response(200, json={"id": "pay_1", contract.account.object_field: {"id": "biz_2"}})

    target = Target("t", "http://127.0.0.1:9/api/v1", "http://127.0.0.1:9/api/v2", Secret("k"))
    with Client(target, CONTRACT, budget=1, transport=MockTransport(answer)) as client:
        data = {"id": "pay_1", contract.account.object_field: {"id": "biz_1"}}
        found = list(ObjectLookup(CONTRACT, client)(contract.event("payment.succeeded"), data, contract))
    assert seen == [version]
    assert [finding.location for finding in found] == [f"/data/{contract.account.object_field}/id"]


def test_the_time_of_a_delivery_gives_its_lag() -> None:
    (sample,) = Sampler(CONTRACT, SECRET, clock=lambda: NOW)("invoice.paid")
    delivery = Delivery.of(sample.headers.items(), sample.body, NOW + 7.5)
    checker = DeliveryChecker(CONTRACT, Secret(SECRET))
    assert checker.check(delivery, Signed("msg_3", int(NOW))).lag == pytest.approx(7.5)
