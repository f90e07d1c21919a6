"""Whatever is signed is judged, and what is remembered of it is bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.webhooks.observed import CONTRACT
from whopwatch.config import Secret
from whopwatch.core.finding import Finding
from whopwatch.http import Client
from whopwatch.signature import Signed, new_secret
from whopwatch.simulator import Simulator, embedded
from whopwatch.webhooks.cases import Sampler
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.identity import Identity
from whopwatch.webhooks.judge import Judge, Outcome
from whopwatch.webhooks.keeping import redacted
from whopwatch.webhooks.lookup import Lookup, comparable
from whopwatch.webhooks.retries import Retries

NOW = 1_767_225_600.0
SECRET = new_secret("judge")
JUDGE = Judge(CONTRACT, Secret(SECRET))
CALM = settings(deadline=None, derandomize=True, database=None, max_examples=150)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from([*CONTRACT.events, "payment_succeeded", "unheard.of", ""])
ENVELOPES = st.dictionaries(st.sampled_from(["id", "data", "timestamp", "company_id", "api_version", "x"]), VALUES)


def judged(body: bytes, id: str = "msg_1", judge: Judge = JUDGE) -> tuple[Delivery, Outcome, tuple[Finding, ...]]:
    delivery = Delivery.of({"Content-Type": "application/json"}.items(), body, NOW)
    judgement = judge.judge(delivery, Signed(id, int(NOW)))
    json.dumps(redacted(CONTRACT, delivery, judgement))
    return delivery, judgement.outcome, judgement.findings


@CALM
@given(NAMES, ENVELOPES)
def test_any_envelope_is_judged(event: str, envelope: dict[str, object]) -> None:
    body = json.dumps({**envelope, "type": event}).encode()
    _, outcome, findings = judged(body, judge=Judge(CONTRACT, Secret(SECRET)))
    assert outcome is Outcome.DRIFT
    assert all(finding.operation.startswith("webhook:") for finding in findings)


@CALM
@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_judged(body: bytes) -> None:
    assert judged(body, judge=Judge(CONTRACT, Secret(SECRET)))[1] is Outcome.DRIFT


def test_no_value_of_a_delivery_is_in_what_is_said_of_it() -> None:
    (sample,) = Sampler(CONTRACT, SECRET)("payment.succeeded")
    payload = json.loads(sample.body)
    payload["data"] = {name: ["a private text"] for name in payload["data"]}
    payload["timestamp"] = payload["company_id"] = "a private text"
    delivery, _, findings = judged(json.dumps(payload).encode())
    assert len(findings) > 20
    assert "private" not in json.dumps([finding.to_json() for finding in findings])
    judgement = JUDGE.judge(delivery, Signed("msg_2", int(NOW)))
    assert "private" not in json.dumps(redacted(CONTRACT, delivery, judgement))


def test_only_so_many_deliveries_are_remembered() -> None:
    identity = Identity(remembered=3)
    for place in range(10):
        assert identity.see(f"msg_{place}", b"%d" % place) == (False, None)
    assert identity.see("msg_9", b"9") == (True, None)
    assert identity.see("msg_0", b"0") == (False, None), "forgotten by now"


def test_only_so_many_retries_are_awaited() -> None:
    retries = Retries(every=1)
    refused = sum(retries.refuses(f"msg_{place}", NOW) for place in range(5000))
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
        lookup = Lookup(CONTRACT, client)
        for _ in range(2):
            found = list(lookup(CONTRACT.event("payment.created"), {"id": id}))
            assert {finding.location for finding in found} <= {"/data/id"}
        assert client.unsafe == 0
        assert client.sent <= 1


def test_what_may_have_changed_since_is_not_compared() -> None:
    then = {"id": "a", "status": "open", "created_at": "1", "updated_at": "1", "company": {"id": "b", "title": "c"}}
    now = {"id": "x", "status": "paid", "created_at": "2", "updated_at": "2", "company": {"id": "y", "title": "z"}}
    assert set(comparable(then, now)) == {("id",), ("created_at",), ("company", "id")}
    assert ("status",) in set(comparable(then, {**now, "updated_at": "1"}))


def test_the_time_of_a_delivery_tells_its_lag() -> None:
    (sample,) = Sampler(CONTRACT, SECRET, clock=lambda: NOW)("invoice.paid")
    delivery = Delivery.of(sample.headers.items(), sample.body, NOW + 7.5)
    judge = Judge(CONTRACT, Secret(SECRET))
    assert judge.judge(delivery, Signed("msg_3", int(NOW))).lag == pytest.approx(7.5)
