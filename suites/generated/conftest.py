"""Fixtures: the guarded adapter that generated requests pass, and the target."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import pytest

from suites.conftest import client_budget, is_simulated, usage_profile
from suites.generated.checks import use_profile
from whopwatch import run
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Exchange
from whopwatch.generate.adapter import GuardedAdapter, guarded_requests
from whopwatch.http import Client, Limits
from whopwatch.pytest_plugin import options
from whopwatch.pytest_plugin.session_run import session_budget
from whopwatch.run.target import open_target

SIMULATED_BUDGET = 20_000


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The default contract."""
    return load()


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest, contract: Contract) -> Iterator[Target]:
    """The session's target, read-only."""
    chosen = options.plugin_options(request.config)
    with open_target(
        contract, chosen.target, os.environ, config=chosen.config, seed=chosen.seed, rate=chosen.rate
    ) as target:
        yield target


@pytest.fixture(scope="session")
def adapter(request: pytest.FixtureRequest, contract: Contract, target: Target) -> Iterator[GuardedAdapter]:
    """The adapter that Schemathesis sends through."""
    use_profile(usage_profile(request.config))
    budget = client_budget(request.config, SIMULATED_BUDGET)
    limits = Limits(rate=None) if is_simulated(request.config) else Limits()
    with Client(target, contract, budget=budget, limits=limits) as client, guarded_requests(client) as adapter:
        yield adapter


@pytest.fixture(scope="session")
def answered(request: pytest.FixtureRequest, contract: Contract, target: Target) -> Mapping[str, Exchange]:
    """For each read operation a successful request to the simulator, which generated requests vary."""
    if not is_simulated(request.config):
        return {}
    observation = run.observe(contract, target, shared=session_budget(request.config))
    return {exchange.operation: exchange for exchange in reversed(observation.exchanges) if exchange.ok}
