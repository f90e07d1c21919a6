"""The simulator sends, the receiver receives: over sockets, with duplicates, retries and in any order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from tests.webhooks.observed import CONTRACT
from whopwatch.cli import main
from whopwatch.config import Secret
from whopwatch.core.report import Report, State, Verdict
from whopwatch.signature import new_secret
from whopwatch.simulator import WebhookOptions, embedded
from whopwatch.webhooks.checker import DeliveryChecker
from whopwatch.webhooks.listener import run_listener

SECRET = new_secret("end to end")
EVENTS = list(CONTRACT.events)


def received(events: Sequence[str], *faults: str, refuse_every: int = 0) -> Report:
    """What a receiver says of the events of a simulator."""
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET)), refuse_every=refuse_every) as listener:
        webhook = WebhookOptions(listener.url, SECRET, retries=(0.05, 0.05), jitter=0.1, duplicate_every=5)
        with embedded(CONTRACT, webhook=webhook, faults=faults) as simulator:
            sent = sum(len(simulator.trigger(event)) for event in events)
            sender, wanted = simulator.backend.sender, sent + sent // 5
            assert sender
            until = time.monotonic() + 120
            while listener.ledger.received + listener.ledger.refused.total() < wanted and time.monotonic() < until:
                time.sleep(0.02)
    return listener.ledger.report("here")


@pytest.mark.parametrize("refuse_every", [0, 4])
def test_every_event_of_a_faithful_simulator_is_verified(refuse_every: int) -> None:
    report = received(EVENTS, refuse_every=refuse_every)
    assert report.findings == ()
    assert report.verdict is Verdict.CLEAN
    assert {row.state for row in report.operations} == {State.VERIFIED}


@pytest.mark.parametrize("fault", ["delivery-key-decoded", "delivery-money-as-text", "delivery-one-id-for-all"])
def test_a_fault_on_the_way_is_found(fault: str) -> None:
    report = received(["payment.succeeded"] * 3, f"{fault}@webhook:payment.succeeded")
    assert report.verdict is Verdict.DRIFT


def test_events_without_a_receiver_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--webhook-every", "1"]) == 2
    assert "--webhook-url" in capsys.readouterr().err


def test_the_simulator_signs_with_the_secret_of_the_environment() -> None:
    """The user's secret is used and not printed."""
    with run_listener(CONTRACT, DeliveryChecker(CONTRACT, Secret(SECRET))) as listener:
        command = [
            sys.executable,
            "-m",
            "whopwatch",
            "simulate",
            "--webhook-url",
            listener.url,
            "--webhook-every",
            "0.1",
        ]
        environ = {**os.environ, "WHOP_WEBHOOK_SECRET": f"{SECRET} ws_other"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as process:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            until = time.monotonic() + 120
            while not listener.ledger.received and time.monotonic() < until:
                time.sleep(0.05)
            process.terminate()
    assert ready["webhook_secret"] is None
    assert listener.ledger.received > 0
    assert listener.ledger.refused == {}
