from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from whopwatch.contract import Contract, load
from whopwatch.simulator import Simulator, embedded

Simulators = Callable[[int | None], Simulator]


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load()


@pytest.fixture(scope="session")
def simulators(contract: Contract) -> Iterator[Simulators]:
    """The simulator whose lists have so many items, started once: reads change nothing."""
    running: dict[int | None, Simulator] = {}
    with ExitStack() as stack:

        def of_size(items: int | None) -> Simulator:
            if items not in running:
                running[items] = stack.enter_context(embedded(contract, items=items, rate_limit=10**9))
            return running[items]

        yield of_size
