"""Properties that are documented to go one day: whether they are still there takes several objects to tell."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from whopwatch.contract import Contract, Operation
from whopwatch.exchange import Purpose

if TYPE_CHECKING:  # a prober needs what the contract declares, and no plan
    from whopwatch.plan.known import Experiment, Known

ENOUGH = 5
"""Objects without an optional property that are not taken for chance."""


@lru_cache(maxsize=512)
def deprecated_properties(contract: Contract, id: str) -> tuple[str, ...]:
    """The properties marked `deprecated` of the object that the operation called `id` answers with, or lists."""
    operation = contract.operations[id]
    if operation.success.schema is None:
        return ()
    schema = contract.resolve(operation.success.schema, operation.api)
    if operation.is_list:
        items = contract.resolve(schema["properties"]["data"], operation.api)["items"]
        schema = contract.resolve(items, operation.api)
    properties = schema.get("properties", {})
    return tuple(name for name, part in properties.items() if part.get("deprecated"))


def enough_objects(known: Known, operation: Operation) -> Experiment:
    """Other objects, until so many were seen that a property which none of them has can be called gone."""
    trace = known.success(operation)
    names = [need.parameter.name for need in known.needs[operation.id]]
    if trace is None or operation.is_list or len(names) != 1 or names[0] not in trace[0].path_params:
        return
    if not deprecated_properties(known.contract, operation.id):
        return
    asked = {call.path_params.get(names[0]) for call, _ in known.traces[operation.id]}
    others = [id for id in known.needs[operation.id][0].candidates(known.pool) if id not in asked]
    for id in others[: max(0, ENOUGH - len(asked))]:
        yield replace(trace[0], purpose=Purpose.RETRIEVE, path_params={names[0]: id})
