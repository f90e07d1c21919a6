"""One run: observe a target within a budget, judge what was seen."""

from __future__ import annotations

from collections.abc import Callable, Collection

import httpx

from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.report import Report
from whopwatch.run.abort import INTERRUPTED
from whopwatch.run.conclude import judge
from whopwatch.run.observation import Observation, Progress
from whopwatch.run.selection import select
from whopwatch.run.session import DEFAULT_BUDGET, observe
from whopwatch.run.writing import WRITING_BUDGET


def check(
    contract: Contract,
    target: Target,
    *,
    budget: int = DEFAULT_BUDGET,
    only: Collection[str] = (),
    resources: Collection[str] = (),
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    transport: httpx.BaseTransport | None = None,
    writes: bool = False,
) -> Report:
    """Observe `target` once and judge it against `contract`.

    `only` are operation ids and `resources` resources; both empty mean every read of v1. `budget` counts requests.
    With `writes` the writes among them are made, too: the target has to be writable.
    Raises UsageError for a name that the contract does not know; whatever the target does ends in the report.
    """
    selected = select(contract, only, resources)
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
    "select",
]
