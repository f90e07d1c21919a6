"""Runs that write: nothing is found where nothing is wrong, and nothing is done that was not allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest

from whopwatch import run
from whopwatch.contract import Contract, load
from whopwatch.core.report import Report, State
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.world.tables import NOW_MS

pytestmark = pytest.mark.thorough

ITEMS = 4
UNSAFE = ("POST", "PATCH", "PUT", "DELETE")


def _written(
    simulator: Simulator, resources: Collection[str] = (), *, budget: int = run.WRITING_BUDGET, name: str = "simulator"
) -> Report:
    target = replace(simulator.target(), name=name)
    return run.check(
        load(), target, budget=budget, resources=resources, seed=simulator.backend.options.seed, writes=True
    )


def _left(contract: Contract, simulator: Simulator) -> list[str]:
    """The resources that could have been tidied up and were not."""
    deletable = {id.removesuffix(".delete") for id in contract.operations if id.endswith(".delete")}
    world = simulator.backend.world
    return [table for table in deletable if any(row.created >= NOW_MS for row in world.table(table).values())]


def test_a_faithful_api_is_clean_and_every_write_is_verified(contract: Contract) -> None:
    with embedded(contract) as simulator:
        report = _written(simulator)
        sent = sum(simulator.requests[method] for method in UNSAFE)
        assert (report.findings, _left(contract, simulator)) == ((), [])
    assert report.count() == {State.VERIFIED: len(report.operations)}
    assert report.unsafe == sent
    assert report.sent <= report.budget


@pytest.mark.parametrize("seed", range(1, 10))
def test_no_seed_makes_a_finding(contract: Contract, seed: int) -> None:
    with embedded(contract, seed=seed, items=ITEMS) as simulator:
        report = _written(simulator, ("plans", "memberships", "webhooks"), budget=250)
    assert report.findings == ()


@pytest.mark.parametrize("budget", [100, 200, 350])
def test_a_small_budget_is_kept_and_what_was_begun_is_tidied_up(contract: Contract, budget: int) -> None:
    with embedded(contract, items=ITEMS) as simulator:
        report = _written(simulator, budget=budget)
        assert sum(simulator.requests.values()) == report.sent <= budget
        assert _left(contract, simulator) == []


def test_a_run_that_may_not_write_makes_no_write(contract: Contract) -> None:
    with embedded(contract, items=ITEMS) as simulator:
        report = run.check(contract, simulator.target(), resources=["products", "memberships"])
        assert simulator.requests.keys() == {"GET"}
    assert report.unsafe == 0
    assert "left" not in report.extra


def test_a_read_only_target_gets_no_write(contract: Contract) -> None:
    with embedded(contract, items=ITEMS) as simulator:
        target = replace(simulator.target(), writable=False)
        report = run.check(contract, target, resources=["products"], writes=True)
        assert simulator.requests.keys() == {"GET"}
    assert report.unsafe == 0


def test_away_from_the_simulator_nothing_of_others_is_changed(contract: Contract) -> None:
    with embedded(contract, items=ITEMS) as simulator:
        report = _written(simulator, ("payments", "memberships", "products", "leads"), name="staging")
        states = {result.id: result for result in report.operations}
    assert states["products.update"].state is State.VERIFIED
    assert states["leads.create"].state is State.VERIFIED
    assert states["payments.refund"].state is State.NOT_COVERED
    assert "real money" in str(states["payments.refund"].reason)
    assert states["memberships.cancel"].state is State.NOT_COVERED
    assert "did not create" in str(states["memberships.cancel"].reason)
    assert states["payments.refund"].requests == states["memberships.cancel"].requests == 0
    assert report.extra["left"] == {"leads": 2}


def test_a_write_that_was_not_made_says_why(contract: Contract) -> None:
    with embedded(contract, items=0) as simulator:
        report = _written(simulator, ("memberships",))
        states = {result.id: result for result in report.operations}
    assert states["memberships.pause"].state is not State.VERIFIED
    assert "no id of memberships" in str(states["memberships.pause"].reason)
