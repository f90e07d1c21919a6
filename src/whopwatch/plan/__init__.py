"""Which requests a run makes: experiments, decided as the run learns."""

from __future__ import annotations

from whopwatch.plan.authentication import try_keys
from whopwatch.plan.known import Experiment, Known, Phase, items
from whopwatch.plan.needs import missing
from whopwatch.plan.pool import Pool
from whopwatch.plan.reach import reach_operations
from whopwatch.plan.repeat import repeat_suspects
from whopwatch.plan.walk import walk_lists

PHASES: tuple[Phase, ...] = (reach_operations, walk_lists, reach_operations, walk_lists, try_keys)
"""The parts of a run's plan, in the order in which they may spend the budget.

What the walks have seen may lead to what could not be reached before.
"""

__all__ = ["PHASES", "Experiment", "Known", "Phase", "Pool", "items", "missing", "repeat_suspects"]
