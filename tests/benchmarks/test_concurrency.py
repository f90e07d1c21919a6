"""The comparison of one request at a time with eight finds what differs, and requests that come too fast."""

from __future__ import annotations

import pytest

from benchmarks.concurrency import Shuffled, compare, differences, too_fast
from whopwatch.contract import load
from whopwatch.run import check

CONTRACT = load()


def test_a_run_is_the_same_at_any_concurrency() -> None:
    result = compare(CONTRACT, 0, ["null-field@products.retrieve"], budget=30)
    assert result.differences == []
    assert 0 < result.most_of_one <= result.most_of_all <= result.requests <= 30


def test_another_plan_differs() -> None:
    servers = [Shuffled(CONTRACT, 0, []), Shuffled(CONTRACT, 0, ["null-field@products.list"])]
    reports = [
        check(CONTRACT, server.target(), only=("products.list",), budget=5 + number, seed=number, transport=server)
        for number, server in enumerate(servers)
    ]
    found = "\n".join(differences(reports[0], servers[0], reports[1], servers[1]))
    assert "requests only one at a time" in found
    assert "verdict clean and drift" in found
    assert "products.list is verified and drift" in found
    assert "only at once: " in found


@pytest.mark.parametrize(("seconds", "is_too_fast"), [(1.0, False), (0.5, True)])
def test_requests_that_come_too_fast_are_found(seconds: float, is_too_fast: bool) -> None:
    server = Shuffled(CONTRACT, 0, [])
    server.arrivals["products.list"] = [number * seconds / 8 for number in range(400)]
    assert bool(list(too_fast(server))) is is_too_fast
