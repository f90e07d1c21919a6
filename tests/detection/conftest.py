from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.detection.observed import Detection, detect
from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.http import Client
from whopwatch.simulator import Simulator, SimulatorOptions, embedded
from whopwatch.simulator.faults import fault_catalogue

Detections = Callable[[str], Detection]


class SkippedWaits:
    """A clock that jumps over the waits of a client: a fault that asks to wait for a minute costs no minute."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def clock(self) -> float:
        return time.perf_counter() + self._skipped

    def sleep(self, seconds: float) -> None:
        self._skipped += seconds


@pytest.fixture(scope="session", autouse=True)
def no_waits() -> Iterator[None]:
    """Let every client of the session wait by its clock alone."""
    waits, defaults = SkippedWaits(), Client.__init__.__kwdefaults__ or {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(defaults, "clock", waits.clock)
        patch.setitem(defaults, "sleep", waits.sleep)
        yield


@pytest.fixture(scope="session")
def detections(contract: Contract) -> Iterator[Detections]:
    """What a run says of a fault, by its name: one run each, at simulators that all runs share (they only read).

    Only faults of the wire need a server: the others are in the responses themselves.
    """
    with ExitStack() as stack:

        @cache
        def of_size(items: int | None, has_wire: bool) -> Simulator | InProcess:
            if has_wire:
                return stack.enter_context(embedded(contract, items=items, rate_limit=10**9))
            return InProcess(contract, SimulatorOptions(items=items, rate_limit=10**9))

        @cache
        def of(name: str) -> Detection:
            fault = fault_catalogue()[name]
            return detect(contract, of_size(fault.items, fault.group == "wire"), fault)

        yield of
