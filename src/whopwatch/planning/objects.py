"""Further objects of a kind that was retrieved once: what is rare shows in one of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose
from whopwatch.oracle.deprecation import MIN_OBJECTS, deprecated_properties
from whopwatch.oracle.expansion import EXPAND, expandable
from whopwatch.oracle.object_features import features
from whopwatch.planning.state import Experiment, RunState, Trace, items, own_ids, own_objects

OBJECTS = 2
CHOICE = 12
"""Objects that are retrieved at a time, and that the choice is made among."""


def another_object(state: RunState, operation: Operation) -> Experiment:
    """One more object: the one whose list item shows most that those retrieved so far do not."""
    yield from _objects(state, operation, 1)


def more_objects(state: RunState, operation: Operation) -> Experiment:
    """Other objects, where there are ids of some, those that differ most first."""
    yield from _objects(state, operation, OBJECTS)


def _objects(state: RunState, operation: Operation, count: int) -> Experiment:
    trace = state.success(operation)
    names = [need.parameter.name for need in state.needs[operation.id]]
    if trace is None or operation.is_list or len(names) != 1 or names[0] not in trace[0].path_params:
        return
    asked = {call.path_params.get(names[0]) for call, _ in state.traces[operation.id]}
    left = [id for id in state.needs[operation.id][0].candidates(state.pool) if id not in asked][:CHOICE]
    listed = _listed(state, operation)
    shown = {id: features(listed.get(id)) for id in (*left, *asked)}
    seen = {trait for id in asked for trait in shown[id]}
    for _ in range(min(count, len(left))):
        id = max(left, key=lambda one: len(shown[one] - seen))
        left.remove(id)
        seen |= shown[id]
        call = replace(trace[0], purpose=Purpose.RETRIEVE, path_params={names[0]: id})
        exchange = yield call
        page = next(
            (page for page, found in _pages(state, operation) if id in own_ids(page.operation, found.json)), None
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


def _listed(state: RunState, operation: Operation) -> Mapping[str | None, Any]:
    """The items of the list of the same resource, by id."""
    return {
        id: item
        for page, exchange in _pages(state, operation)
        for id, item in own_objects(page.operation, exchange.json)
    }


def _pages(state: RunState, operation: Operation) -> list[Trace]:
    traces = state.traces.get(f"{operation.resource}.list", ())
    return [trace for trace in traces if trace[0].purpose is Purpose.LIST and items(trace[1])]


def enough_objects(state: RunState, operation: Operation) -> Experiment:
    """Other objects, until so many were seen that a property which none of them has can be called gone."""
    trace = state.success(operation)
    names = [need.parameter.name for need in state.needs[operation.id]]
    if trace is None or operation.is_list or len(names) != 1 or names[0] not in trace[0].path_params:
        return
    if not deprecated_properties(state.contract, operation.id):
        return
    asked = {call.path_params.get(names[0]) for call, _ in state.traces[operation.id]}
    others = [id for id in state.needs[operation.id][0].candidates(state.pool) if id not in asked]
    for id in others[: max(0, MIN_OBJECTS - len(asked))]:
        yield replace(trace[0], purpose=Purpose.RETRIEVE, path_params={names[0]: id})


def expansions(state: RunState, operation: Operation) -> Experiment:
    """The request that was answered with every field to expand, once more with each combination of them."""
    names = expandable(state.contract, operation)
    trace = max(_plain(state, operation), key=lambda one: len(_shown(one[1].json, names)), default=None)
    if trace and names:
        for chosen in _combinations(names):
            pairs = tuple((EXPAND, name) for name in chosen)
            yield replace(trace[0], purpose=Purpose.RETRIEVE, query=(*trace[0].query, *pairs))
        yield trace[0]  # What is asked later, is made out of the last success: one that expands nothing.


def _plain(state: RunState, operation: Operation) -> Iterator[Trace]:
    """What was answered without expanding anything."""
    for call, exchange in state.traces.get(operation.id, ()):
        if exchange.ok and exchange.credential == "key" and not any(name == EXPAND for name, _ in call.query):
            yield call, exchange


def _shown(value: Any, names: tuple[str, ...]) -> list[str]:
    """Those of the fields that an object holds something in: the others show nothing when they are expanded."""
    return [name for name in names if isinstance(value, dict) and value.get(name) is not None]


def _combinations(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (chosen for count in range(1, len(names) + 1) for chosen in combinations(names, count))
