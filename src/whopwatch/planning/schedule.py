"""Which requests a run makes: experiments, decided as the run learns, in the order of what they tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import behaviour
from whopwatch.planning.experiments import ONCE, PRICES, Step, in_turn
from whopwatch.planning.reach import reach_operations
from whopwatch.planning.state import Experiment, Known, Past


def plan(known: Known) -> Iterator[Experiment]:
    """All experiments of a run, in the order in which they may spend the budget."""
    yield from reach_operations(known)
    known.reached = True
    order = sorted(known.reads(), key=lambda operation: urgency(known, operation))
    done = set()
    for place, step in enumerate(ONCE):
        for operation in (*order[place:], *order[:place]):
            before = known.count(operation)
            yield step(known, operation)
            if known.count(operation) > before:
                done.add((_name(step), operation.id))
                break
    for step in PRICES:
        for operation in order:
            if (_name(step), operation.id) not in done:
                yield step(known, operation)
    for step, operation in in_turn(known):
        if (_name(step), operation.id) not in done:
            yield step(known, operation)


def _name(step: Step) -> object:
    """What tells a step from others: the function and its settings."""
    if not isinstance(step, partial):
        return (step,)
    return (step.func, *(setting for setting in step.keywords.items() if setting[1]))


def urgency(known: Known, operation: Operation) -> tuple[float, ...]:
    """What an operation is sorted by among its like; the most urgent is lowest."""
    past, risk = known.past.get(operation.id, Past()), behaviour().risk
    rank = risk.index(operation.resource) if operation.resource in risk else len(risk)
    return -past.changes, -past.days, rank, crc32(f"{known.seed}:{operation.id}".encode())
