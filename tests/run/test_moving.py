"""A faithful API has no finding: neither without changes nor while others write to it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract, load
from whopwatch.core.report import State, Verdict
from whopwatch.run import check
from whopwatch.simulator.backend import Backend, SimulatorOptions

pytestmark = pytest.mark.thorough

TABLES = ("products", "plans", "payments", "members", "memberships", "promo_codes", "reviews", "invoices", "apps")
FIELDS = ("status", "visibility", "title", "name", "role", "stars", "updated_at")


class Writers:
    """Another user, who creates, deletes and changes objects between two requests."""

    def __init__(self, seed: int, share: float) -> None:
        self.rng = random.Random(seed)  # noqa: S311
        self.share = share
        self.done: Counter[str] = Counter()

    def __call__(self, backend: Backend) -> None:
        if self.rng.random() >= self.share:
            return
        world, table = backend.world, self.rng.choice(TABLES)
        rows = list(world.table(table).values())
        what = self.rng.choice(["create", "delete", "change"])
        self.done[what] += 1
        if what == "create":
            world.create(table)
        elif what == "delete" and len(rows) > 5:
            world.delete(self.rng.choice(rows))
        else:
            one, other = self.rng.choice(rows), self.rng.choice(rows)
            for name in FIELDS:
                if name in one.values and name in other.values:
                    world.put(one, name, other.values[name])


@pytest.mark.parametrize(("seed", "share"), [(1, 0.1), (2, 0.3), (3, 0.6), (4, 1.0)])
def test_what_changes_while_it_is_watched_is_no_finding(contract: Contract, seed: int, share: float) -> None:
    writers = Writers(seed, share)
    api = InProcess(contract, SimulatorOptions(seed=seed, rate_limit=10**9), writers)
    report = check(contract, api.target(), resources=TABLES, budget=300, seed=seed, transport=api)
    assert [(f.operation, f.location, f.check) for f in report.findings if f.breaks] == []
    assert len(writers.done) == 3


@pytest.mark.parametrize(("seed", "items"), [(1, 1), (1005, 1), (1008, 3), (1011, 3)])
def test_an_object_that_is_deleted_before_it_is_requested_again_is_no_finding(seed: int, items: int) -> None:
    """With few objects and a write before each request, many are gone before a second comparison with their list."""
    newest, writers = load("2026-10-15-1"), Writers(seed, 1.0)
    api = InProcess(newest, SimulatorOptions(seed=seed, items=items, rate_limit=10**9), writers)
    for _ in range(20):
        writers(api.backend)
    report = check(newest, api.target(), budget=600, seed=seed, transport=api)
    assert [(f.operation, f.location, f.check) for f in report.findings] == []


@pytest.mark.parametrize(
    ("seed", "before"),
    [(1005, 20), (1005, 100), (1006, 100), (1007, 0), (1007, 100), (1009, 0), (1010, 0), (1011, 0), (1011, 20)],
)
def test_an_object_or_a_parent_that_is_gone_is_no_finding(contract: Contract, seed: int, before: int) -> None:
    """With few objects, others delete what was listed, and the payments and products by which lists are requested."""
    writers = Writers(seed, 1.0)
    api = InProcess(contract, SimulatorOptions(seed=seed, items=3, rate_limit=10**9), writers)
    for _ in range(before):
        writers(api.backend)
    report = check(contract, api.target(), budget=600, seed=seed, transport=api)
    assert [(f.operation, f.location, f.check) for f in report.findings] == []


@pytest.mark.parametrize("budget", [120, 600])
def test_every_read_is_verified_within_the_budget(contract: Contract, budget: int) -> None:
    api = InProcess(contract, SimulatorOptions(seed=5, rate_limit=10**9))
    report = check(contract, api.target(), budget=budget, seed=5, transport=api)
    assert report.findings == ()
    assert report.verdict is Verdict.CLEAN
    assert report.count()[State.VERIFIED] == 79
    assert report.sent <= budget
    assert set(api.backend.requests) == {"GET"}


def test_a_list_of_four_thousand_is_walked_within_41_requests(contract: Contract) -> None:
    api = InProcess(contract, SimulatorOptions(seed=6, items=4000, rate_limit=10**9))
    report = check(contract, api.target(), only=["products.list"], transport=api)
    spent = report.to_json()["spent"]
    assert spent["list"] + spent["next-page"] <= 41
    assert report.findings == ()
