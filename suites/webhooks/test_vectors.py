"""Signatures of other implementations are valid here, and ours are valid there."""

from __future__ import annotations

import base64
import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from whop_sdk import Whop

from whopwatch.contract import load
from whopwatch.signature import Refusal, Signed, signature_value, signed_headers, verify_signature
from whopwatch.webhooks.samples import SAMPLE_CASES, Sampler

DECLARED = tomllib.loads(Path(__file__).with_name("vectors.toml").read_text(encoding="utf-8"))
SECRET: str = DECLARED["secret"]
VECTORS: list[dict[str, Any]] = DECLARED["vector"]
CONTRACT = load()
SAMPLES = Sampler(CONTRACT, SECRET)


def library() -> Webhook:
    """Return the reference implementation. It decodes a secret given as str, so Whop's is given as bytes."""
    return Webhook(SECRET.encode())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_a_vector_verifies_and_is_what_signing_gives(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    headers = {
        "webhook-id": vector["id"],
        "webhook-timestamp": str(vector["timestamp"]),
        "webhook-signature": vector["signature"],
    }
    assert signature_value(SECRET, vector["id"], vector["timestamp"], body) == vector["signature"]
    assert verify_signature(SECRET, headers.items(), body, vector["timestamp"]) == Signed(
        vector["id"], vector["timestamp"]
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_library_takes_what_is_signed_here(vector: dict[str, Any]) -> None:
    body = vector["body"].encode()
    headers = signed_headers(SECRET, vector["id"], int(time.time()), body)
    assert library().verify(body, headers) == json.loads(body)


@pytest.mark.parametrize("case", SAMPLE_CASES)
def test_the_library_takes_and_refuses_the_same_cases(case: str) -> None:
    for sample in SAMPLES(case=case):
        found = verify_signature(SECRET, sample.headers.items(), sample.body, time.time())
        try:
            library().verify(sample.body, dict(sample.headers))
        except WebhookVerificationError:
            is_accepted = False
        else:
            is_accepted = True
        assert is_accepted is sample.accepted is not isinstance(found, Refusal)


@pytest.mark.parametrize("event", CONTRACT.events)
def test_the_official_sdk_unwraps_each_event(event: str) -> None:
    (sample,) = SAMPLES(event)
    key = base64.b64encode(SECRET.encode()).decode()
    with Whop(api_key="none", webhook_key=key) as whop:
        unwrapped = whop.webhooks.unwrap(sample.body.decode(), headers=dict(sample.headers))
    assert unwrapped.type == event
    assert unwrapped.data.id == json.loads(sample.body)["data"]["id"]
