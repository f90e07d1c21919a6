"""A run keeps parsed values and no large bodies, and ends when its responses take too much memory."""

from __future__ import annotations

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.core.exchange import KEPT_BODY
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse
from whopwatch.run import observe
from whopwatch.run.options import bundled_contracts
from whopwatch.simulator.backend import SimulatorOptions


def api(contract: Contract) -> InProcess:
    return InProcess(contract, SimulatorOptions(seed=2, items=120, rate_limit=10**9))


def test_large_bodies_are_dropped_and_their_values_kept(contract: Contract) -> None:
    server = api(contract)
    seen = observe(contract, server.target(), selected=["products.list"], budget=20, transport=server)
    full = [one for one in seen.exchanges if one.ok and len((one.json or {}).get("data", ())) == 100]
    assert full
    assert [len(one.body) for one in seen.exchanges if len(one.body) > KEPT_BODY] == []


def test_a_run_ends_when_its_responses_take_too_much_memory(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whopwatch.http.limits.MIN_RESPONSE_WEIGHT", 2 << 20)
    monkeypatch.setattr("whopwatch.http.limits.WEIGHT_PER_REQUEST", 0)

    class Padded(InProcess):
        def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
            response = super().send(request, timer)
            response.body += b" " * (1 << 20)
            return response

    padded = Padded(contract, SimulatorOptions(seed=2, items=120, rate_limit=10**9))
    seen = observe(contract, padded.target(), budget=50, transport=padded)
    assert seen.stopped == "The responses of the run exceed 2 MiB, which is their memory limit."
    assert seen.sent <= 3
    assert not seen.exhausted


@pytest.mark.parametrize("megabytes", range(1, 20, 2))
def test_a_limit_that_is_reached_while_the_version_is_detected_ends_the_run(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, megabytes: int
) -> None:
    monkeypatch.setattr("whopwatch.http.limits.MIN_RESPONSE_WEIGHT", megabytes << 20)
    monkeypatch.setattr("whopwatch.http.limits.WEIGHT_PER_REQUEST", 0)

    class Missing(InProcess):
        def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
            response = super().send(request, timer)
            response.status, response.body = 404, bytearray(1 << 20)
            return response

    missing = Missing(contract, SimulatorOptions(seed=2, rate_limit=10**9))
    seen = observe(contract, missing.target(), budget=50, transport=missing, others=bundled_contracts)
    assert seen.sent <= megabytes + 1
    assert seen.stopped
