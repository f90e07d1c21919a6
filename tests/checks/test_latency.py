"""The check of latency: one operation that is slow in every response, beside others that are not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.checks.support import exchange, found
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Severity

FAST, SLOW = 0.02, 0.9


def timed(contract: Contract, times: Sequence[float], others: float = FAST, count: int = 20) -> list[Finding]:
    """Return what is found of one operation that responded in `times`, beside `count` that took `others`."""
    rest = [operation.id for operation in contract.lists if operation.id != "plans.list"][:count]
    quick = [exchange(id, seconds=others) for id in rest]
    return found(contract, "latency", *quick, *(exchange("plans.list", seconds=seconds) for seconds in times))


def test_an_operation_that_is_slow_each_time_is_found(contract: Contract) -> None:
    (finding,) = timed(contract, [SLOW, SLOW * 2, SLOW])

    assert (finding.drift_class, finding.operation, finding.severity) == ("D22", "plans.list", Severity.INFO)
    assert (finding.expected, finding.samples) == ("responses about as fast as those of 20 other operations", 3)


def test_an_operation_is_one_finding_of_all_its_responses(contract: Contract) -> None:
    (finding,) = timed(contract, [SLOW] * 4)

    assert (finding.violations, finding.samples) == (1, 4)
    assert timed(contract, [SLOW] * 3, count=0) == []


@pytest.mark.parametrize(
    ("times", "others"),
    [
        ([SLOW, SLOW, FAST], FAST),  # one response in time: the machine was busy
        ([SLOW, SLOW], FAST),  # too few
        ([SLOW, SLOW, SLOW], SLOW / 2),  # everything is slow
        ([0.5, 0.5, 0.5], 0.001),  # much slower than the others, and still fast
        ([0.6, 0.6, 0.6], 0.0625),  # less than ten times as slow
    ],
)
def test_what_may_be_the_machine_is_not_found(contract: Contract, times: list[float], others: float) -> None:
    assert timed(contract, times, others) == []


@pytest.mark.parametrize(("others", "findings"), [(8, 0), (9, 1)])
def test_ten_operations_are_needed(contract: Contract, others: int, findings: int) -> None:
    assert len(timed(contract, [SLOW] * 3, count=others)) == findings


@pytest.mark.parametrize(("slow", "findings"), [(2, 2), (3, 0)])
def test_if_more_than_a_tenth_is_slow_the_target_is(contract: Contract, slow: int, findings: int) -> None:
    lists = [operation.id for operation in contract.lists][:20]
    times = {id: SLOW if id in lists[:slow] else FAST for id in lists}
    exchanges = [exchange(id, seconds=seconds) for id, seconds in times.items() for _ in range(3)]

    assert len(found(contract, "latency", *exchanges)) == findings
