"""Which requests a run makes: experiments, decided as the run learns, in the order of what they tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.plan import lists, refusals
from whopwatch.plan.behaviour import behaviour
from whopwatch.plan.known import Experiment, Known, Past, items
from whopwatch.plan.needs import missing
from whopwatch.plan.objects import more_objects
from whopwatch.plan.pool import Pool
from whopwatch.plan.reach import fuller_lists, reach_operations
from whopwatch.plan.repeat import repeat_suspects

Step = Callable[[Known, Operation], Experiment]

STEPS: tuple[Step, ...] = (
    lists.complete,
    lists.look_filtered,
    refusals.without_key,
    fuller_lists,
    lists.complete,
    lists.look_filtered,
    lists.walk_filtered,
    lists.other_orders,
    lists.single_filters,
    lists.impossible_filter,
    refusals.missing_parameter,
    refusals.odd_size,
    refusals.odd_value,
    refusals.odd_cursor,
    refusals.unknown_id,
    lists.beyond_the_end,
    partial(refusals.without_key, turns=1),
    refusals.malformed_id,
    refusals.without_scope,
    *(partial(refusals.odd_size, turns=turns) for turns in (1, 2, 3, 4)),
    *(partial(refusals.odd_cursor, turns=turns) for turns in (1, 2, 3, 4)),
    *(partial(refusals.odd_value, turns=turns) for turns in (1, 2, 3)),
    more_objects,
)
"""What is done for one operation after the other once they were reached, each step as far as the budget reaches.

The order is the price list: what tells most for a request comes first. A step rotates what it leaves out from one
seed to the next, and begins with the operations that were not verified for longest, changed most, and risk most.
"""


def plan(known: Known) -> Iterator[Experiment]:
    """All experiments of a run, in the order in which they may spend the budget."""
    yield from reach_operations(known)
    known.reached = True
    order = sorted(known.reads(), key=lambda operation: urgency(known, operation))
    for step in STEPS:
        for operation in order:
            yield step(known, operation)


def urgency(known: Known, operation: Operation) -> tuple[float, ...]:
    """What an operation is sorted by among its like; the most urgent is lowest."""
    past, risk = known.past.get(operation.id, Past()), behaviour().risk
    rank = risk.index(operation.resource) if operation.resource in risk else len(risk)
    return -past.changes, -past.days, rank, crc32(f"{known.seed}:{operation.id}".encode())


__all__ = ["Experiment", "Known", "Past", "Pool", "items", "missing", "plan", "repeat_suspects"]
