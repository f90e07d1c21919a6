"""Which requests a run makes: experiments, decided as the run learns, in the order of what they tell."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.planning.experiments import BY_PRIORITY, ONE_OPERATION_EACH, Step, rotating
from whopwatch.planning.reach import reach_operations
from whopwatch.planning.state import Experiment, OperationHistory, RunState


def plan(state: RunState) -> Iterator[Experiment]:
    """All experiments of a run, in the order in which they may spend the budget."""
    yield from reach_operations(state)
    state.reached = True
    order = sorted(state.reads(), key=lambda operation: urgency(state, operation))
    done = set()
    for place, step in enumerate(ONE_OPERATION_EACH):
        for operation in (*order[place:], *order[:place]):
            before = state.count(operation)
            yield step(state, operation)
            if state.count(operation) > before:
                done.add((_name(step), operation.id))
                break
    for step in BY_PRIORITY:
        for operation in order:
            if (_name(step), operation.id) not in done:
                yield step(state, operation)
    for step, operation in rotating(state):
        if (_name(step), operation.id) not in done:
            yield step(state, operation)


def _name(step: Step) -> object:
    """What tells a step from others: the function and its settings."""
    if not isinstance(step, partial):
        return (step,)
    return (step.func, *(setting for setting in step.keywords.items() if setting[1]))


def urgency(state: RunState, operation: Operation) -> tuple[float, ...]:
    """What an operation is sorted by among its like; the most urgent is lowest."""
    past, risk = state.past.get(operation.id, OperationHistory()), state.contract.behaviour.risk
    rank = risk.index(operation.resource) if operation.resource in risk else len(risk)
    return -past.changes, -past.days, rank, crc32(f"{state.seed}:{operation.id}".encode())
