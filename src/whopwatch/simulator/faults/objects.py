"""Faults in which object an id leads to."""

from __future__ import annotations

from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import not_found


def lost(place: Place, *, every: int = 1, rare: bool = False) -> Plan | None:
    """Do not find some of the objects there are: every so manieth, or one in a hundred."""
    view = place.view
    if view is None or place.operation.is_list or "{" not in place.operation.path:
        return None
    ids = place.rare_ids

    def absent(call: Call, proceed: Proceed) -> None:
        proceed()
        if any(row.id in ids if rare else row.index % every == 0 for row in call.rows):
            raise not_found("object")

    return around("act", absent, "status")


def another(place: Place) -> Plan | None:
    """Answer with the neighbour of the object that was asked for."""
    view = place.view
    if view is None or place.operation.is_list or "{" not in place.operation.path:
        return None

    def swapped(call: Call, proceed: Proceed) -> None:
        proceed()
        table = list(place.world.table(view.table).values())
        call.rows = [table[(table.index(row) + 1) % len(table)] if row in table else row for row in call.rows]

    return around("act", swapped, "/id")


def anything(place: Place) -> Plan | None:
    """Answer with some object where there is none of that id."""
    view = place.view
    if view is None or place.operation.is_list or place.operation.path.count("{") != 1:
        return None

    def found(call: Call, proceed: Proceed) -> None:
        table = place.world.table(view.table)
        name, id = next(iter(call.path_params.items()))
        if id not in table and table:
            call.path_params = {**call.path_params, name: next(iter(table))}
        proceed()

    return around("act", found, "status")


STEPS: Table = {"lost": lost, "another": another, "anything": anything}
