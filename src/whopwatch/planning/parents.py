"""The list of a second parent: what it shows has to differ from what the first one has."""

from __future__ import annotations

from whopwatch.contract import Operation
from whopwatch.planning.list_requests import walk_on
from whopwatch.planning.reach import attempt, untried
from whopwatch.planning.state import Experiment, Known, items


def second_parent(known: Known, operation: Operation) -> Experiment:
    """The whole list of another parent, where one was asked that had something."""
    wanted = [need for need in known.needs[operation.id] if need.resources != ("companies",)]
    if not (operation.is_list and wanted and known.first_page(operation)):
        return
    full = [call for call, exchange in known.traces[operation.id] if call.credential == "key" and items(exchange)]
    if len({(tuple(call.path_params.items()), call.query[:1]) for call in full}) > 1:
        return
    filling = untried(known, operation)
    if filling is not None:
        known.tried.setdefault(operation.id, []).append(filling)
        yield from attempt(operation, filling, known)
        call, page = known.traces[operation.id][-1]
        yield from walk_on(call, page, known.pages)
