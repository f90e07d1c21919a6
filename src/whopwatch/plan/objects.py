"""Further objects of a kind that was retrieved once: what is rare shows in one of many."""

from __future__ import annotations

from dataclasses import replace

from whopwatch.contract import Operation
from whopwatch.plan.known import Experiment, Known

OBJECTS = 8


def more_objects(known: Known, operation: Operation) -> Experiment:
    """Other objects, where there are ids of some."""
    trace = known.success(operation)
    names = [need.parameter.name for need in known.needs[operation.id]]
    if trace is None or operation.is_list or len(names) != 1 or names[0] not in trace[0].path_params:
        return
    asked = {call.path_params.get(names[0]) for call, _ in known.traces[operation.id]}
    for id in known.needs[operation.id][0].candidates(known.pool)[:OBJECTS]:
        if id not in asked:
            yield replace(trace[0], path_params={names[0]: id})
