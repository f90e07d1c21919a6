"""Fields that are ids until a request asks for the objects in their place (`expand[]`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from whopwatch.contract import Contract, Operation
from whopwatch.exchange import Purpose
from whopwatch.plan.behaviour import documented_values

if TYPE_CHECKING:  # a prober needs what the contract declares, and no plan
    from whopwatch.plan.known import Experiment, Known, Trace

EXPAND = "expand[]"
"""The parameter that names them."""


def expandable(contract: Contract, operation: Operation) -> tuple[str, ...]:
    """The fields of what an operation answers with that can be expanded, as the contract documents them."""
    parameter = operation.parameter(EXPAND)
    return tuple(map(str, documented_values(contract, operation, parameter))) if parameter else ()


def expansions(known: Known, operation: Operation) -> Experiment:
    """The request that was answered with every field to expand, once more with each combination of them."""
    names = expandable(known.contract, operation)
    trace = max(_plain(known, operation), key=lambda one: len(_shown(one[1].json, names)), default=None)
    if trace and names:
        for chosen in _combinations(names):
            pairs = tuple((EXPAND, name) for name in chosen)
            yield replace(trace[0], purpose=Purpose.RETRIEVE, query=(*trace[0].query, *pairs))
        yield trace[0]  # What is asked later, is made out of the last success: one that expands nothing.


def _plain(known: Known, operation: Operation) -> Iterator[Trace]:
    """What was answered without expanding anything."""
    for call, exchange in known.traces.get(operation.id, ()):
        if exchange.ok and exchange.credential == "key" and not any(name == EXPAND for name, _ in call.query):
            yield call, exchange


def _shown(value: Any, names: tuple[str, ...]) -> list[str]:
    """Those of the fields that an object holds something in: the others show nothing when they are expanded."""
    return [name for name in names if isinstance(value, dict) and value.get(name) is not None]


def _combinations(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (chosen for count in range(1, len(names) + 1) for chosen in combinations(names, count))
