from __future__ import annotations

import pytest

from tests.simulator.asker import Asker
from whopwatch.contract import Contract
from whopwatch.simulator import Backend, SimulatorOptions


@pytest.fixture(scope="session")
def ask(contract: Contract) -> Asker:
    """A simulator that the tests only read."""
    return Asker(Backend(contract, SimulatorOptions(rate_limit=10**9)), contract)


@pytest.fixture
def fresh(contract: Contract) -> Asker:
    """A simulator of its own for a test that writes."""
    return Asker(Backend(contract, SimulatorOptions()), contract)


@pytest.fixture(scope="session")
def scratch(contract: Contract) -> Asker:
    """A simulator that generated tests may do anything to."""
    return Asker(Backend(contract, SimulatorOptions(rate_limit=10**9)), contract)
