"""One run: observe a target within a budget, and conclude a report from the observation."""

from __future__ import annotations

from collections.abc import Callable, Collection

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.errors import INTERRUPTED
from whopwatch.core.report import Report
from whopwatch.http import Transport
from whopwatch.run.conclude import judge
from whopwatch.run.observation import Observation, Progress, select_operations
from whopwatch.run.session import DEFAULT_BUDGET, WRITING_BUDGET, observe


def check(
    contract: Contract,
    target: Target,
    *,
    budget: int = DEFAULT_BUDGET,
    only: Collection[str] = (),
    resources: Collection[str] = (),
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    transport: Transport | None = None,
    writes: bool = False,
) -> Report:
    """Observe `target` once, check it against `contract` and return the report.

    `only` are operation ids and `resources` resources, both empty for every read of v1. `budget` is in requests. With
    `writes` the selected writes are made, too; the target must be writable. Raise UsageError for a name that is not in
    the contract; whatever the target does ends in the report.
    """
    selected = select_operations(contract, only, resources)
    observation = observe(
        contract,
        target,
        budget=budget,
        selected=selected,
        seed=seed,
        progress=progress,
        transport=transport,
        writes=writes,
    )
    return judge(contract, observation, target.name)


__all__ = [
    "DEFAULT_BUDGET",
    "INTERRUPTED",
    "WRITING_BUDGET",
    "Observation",
    "Progress",
    "check",
    "judge",
    "observe",
    "select_operations",
]
