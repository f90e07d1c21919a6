"""The whole way over a real socket: the embedded simulator, and targets that are none."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from whopwatch.config import Secret
from whopwatch.contract import Contract
from whopwatch.core.report import State, Verdict
from whopwatch.run import check
from whopwatch.simulator import embedded


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.thorough) for seed in (7, 23))])
def test_a_faithful_api_is_verified_whatever_its_seed(contract: Contract, seed: int) -> None:
    with embedded(contract, seed=seed) as simulator:
        report = check(contract, simulator.target(), seed=seed)
        assert set(simulator.requests) == {"GET"}
        assert sum(simulator.requests.values()) == report.sent
    missed = [(row.id, row.reason) for row in report.operations if row.state is State.COULD_NOT_CHECK]
    assert missed == []
    assert report.findings == ()
    assert report.count() == {State.VERIFIED: 79, State.NOT_COVERED: 70}
    assert report.verdict is Verdict.CLEAN
    assert report.unsafe == 0


@pytest.mark.thorough
def test_the_same_seed_finds_and_asks_the_same(contract: Contract) -> None:
    rows = []
    for _ in range(2):
        with embedded(contract, seed=3) as simulator:
            report = check(contract, simulator.target(), budget=200, seed=3)
            rows.append([(row.id, row.state, row.requests, row.samples) for row in report.operations])
    assert rows[0] == rows[1]


def test_a_wrong_key_is_refused_and_that_is_said(contract: Contract) -> None:
    with embedded(contract) as simulator:
        report = check(contract, replace(simulator.target(), api_key=Secret("wrong_key_0000")))
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "rejected the key (401)" in (report.reason or "")
    assert report.sent == 2


def test_an_empty_company_is_not_verified(contract: Contract) -> None:
    with embedded(contract, items=0) as simulator:
        report = check(contract, simulator.target())
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "empty" in (report.reason or "")
    assert report.findings == ()


def test_a_port_without_a_server_is_not_verified(contract: Contract) -> None:
    with embedded(contract) as simulator:
        target = simulator.target()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    report = check(contract, replace(target, base_url=f"http://127.0.0.1:{port}/api/v1"))
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "cannot be reached" in (report.reason or "")
    assert report.sent == 2
