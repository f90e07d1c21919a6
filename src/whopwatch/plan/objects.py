"""Further objects of a kind that was retrieved once: what is rare shows in one of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Operation
from whopwatch.exchange import Purpose
from whopwatch.plan.known import Experiment, Known, Trace, items, own_ids, own_objects
from whopwatch.plan.traits import traits

OBJECTS = 2
CHOICE = 12
"""Objects that are retrieved at a time, and that the choice is made among."""


def another_object(known: Known, operation: Operation) -> Experiment:
    """One more object: the one whose list item shows most that those retrieved so far do not."""
    yield from _objects(known, operation, 1)


def more_objects(known: Known, operation: Operation) -> Experiment:
    """Other objects, where there are ids of some, those that differ most first."""
    yield from _objects(known, operation, OBJECTS)


def _objects(known: Known, operation: Operation, count: int) -> Experiment:
    trace = known.success(operation)
    names = [need.parameter.name for need in known.needs[operation.id]]
    if trace is None or operation.is_list or len(names) != 1 or names[0] not in trace[0].path_params:
        return
    asked = {call.path_params.get(names[0]) for call, _ in known.traces[operation.id]}
    left = [id for id in known.needs[operation.id][0].candidates(known.pool) if id not in asked][:CHOICE]
    listed = _listed(known, operation)
    shown = {id: traits(listed.get(id)) for id in (*left, *asked)}
    seen = {trait for id in asked for trait in shown[id]}
    for _ in range(min(count, len(left))):
        id = max(left, key=lambda one: len(shown[one] - seen))
        left.remove(id)
        seen |= shown[id]
        call = replace(trace[0], purpose=Purpose.RETRIEVE, path_params={names[0]: id})
        exchange = yield call
        page = next(
            (page for page, found in _pages(known, operation) if id in own_ids(page.operation, found.json)), None
        )
        if page and (exchange.status == 404 or _differ(listed.get(id), exchange.json)):
            now = yield page  # it may have changed, or gone, since it was listed
            if id in own_ids(page.operation, now.json):
                yield call
                yield page


def _differ(item: Any, value: Any) -> bool:
    """Whether two sights of one object differ at first glance."""
    if not isinstance(item, dict) or not isinstance(value, dict):
        return False
    return any(item[name] != value[name] for name in item.keys() & value.keys())


def _listed(known: Known, operation: Operation) -> Mapping[str | None, Any]:
    """The items of the list of the same resource, by id."""
    return {
        id: item
        for page, exchange in _pages(known, operation)
        for id, item in own_objects(page.operation, exchange.json)
    }


def _pages(known: Known, operation: Operation) -> list[Trace]:
    traces = known.traces.get(f"{operation.resource}.list", ())
    return [trace for trace in traces if trace[0].purpose is Purpose.LIST and items(trace[1])]
