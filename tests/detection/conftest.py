from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.detection.observed import Detection, detect
from whopwatch.contract import Contract, load
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import fault_catalogue

Detections = Callable[[str], Detection]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load()


@pytest.fixture(scope="session")
def detections(contract: Contract) -> Iterator[Detections]:
    """What a run says of a fault, by its name: one run each, at simulators that all runs share (they only read)."""
    with ExitStack() as stack:

        @cache
        def of_size(items: int | None) -> Simulator:
            return stack.enter_context(embedded(contract, items=items, rate_limit=10**9))

        @cache
        def of(name: str) -> Detection:
            fault = fault_catalogue()[name]
            return detect(contract, of_size(fault.items), fault)

        yield of
