"""Which requests a run makes: experiments, decided as the run learns."""

from __future__ import annotations

from whopwatch.plan.authentication import authentication
from whopwatch.plan.known import Experiment, Known, Phase, items
from whopwatch.plan.needs import missing
from whopwatch.plan.pool import Pool
from whopwatch.plan.reach import reach
from whopwatch.plan.repeat import repeat
from whopwatch.plan.walk import walks

PHASES: tuple[Phase, ...] = (reach, walks, reach, walks, authentication)
"""The parts of a run's plan, in the order in which they may spend the budget.

What the walks have seen may lead to what could not be reached before.
"""

__all__ = ["PHASES", "Experiment", "Known", "Phase", "Pool", "items", "missing", "repeat"]
