"""Lists stay complete during writes (invariants 46 to 51).

Runs at the simulator. At other targets it needs `--allow-writes` and repeats only sequences that failed before. It
never runs at production.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from suites.conftest import client_budget, is_simulated
from suites.properties.items import ApiItems, Resource, resources
from suites.properties.machine import ListWhileWriting
from whopwatch.config import resolve_target, target_name
from whopwatch.contract import Contract, load
from whopwatch.http import Client, Limits
from whopwatch.pytest_plugin import options
from whopwatch.simulator import embedded

ITEMS = 8
SIMULATED_BUDGET = 100_000


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load()


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest, contract: Contract) -> Iterator[Client]:
    """A client with a writable target."""
    chosen = options.plugin_options(request.config)
    budget = client_budget(request.config, SIMULATED_BUDGET)
    if is_simulated(request.config):
        with (
            embedded(contract, seed=chosen.seed, items=ITEMS, rate_limit=SIMULATED_BUDGET) as simulator,
            Client(simulator.target(), contract, budget=budget, limits=Limits(rate=None)) as client,
        ):
            yield client
        return
    if not chosen.allow_writes:
        pytest.skip("writes: simulator only, or with --allow-writes")
    known = resolve_target(target_name(chosen.target, os.environ), os.environ, chosen.config)
    if known.is_production:
        pytest.skip("production is never written to")
    with Client(replace(known, writable=True), contract, budget=budget) as client:
        yield client


@pytest.mark.parametrize("resource", list(resources()), ids=lambda resource: resource.name)
def test_a_list_stays_complete_during_writes(
    resource: Resource, client: Client, contract: Contract, generation: Callable[[str], settings]
) -> None:
    items = ApiItems(client, contract, resource)
    machine = type(f"{resource.name}_while_writing", (ListWhileWriting,), {"items": items})
    run_state_machine_as_test(
        machine, settings=settings(generation(f"writing-{resource.name}"), max_examples=15, stateful_step_count=25)
    )
