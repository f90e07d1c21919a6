"""The list of a second parent: what it shows has to differ from what the first one has."""

from __future__ import annotations

from whopwatch.contract import Operation
from whopwatch.planning.list_requests import remaining_pages
from whopwatch.planning.reach import attempt, untried
from whopwatch.planning.state import Experiment, RunState, items


def second_parent(state: RunState, operation: Operation) -> Experiment:
    """The whole list of another parent, where one was asked that had something."""
    wanted = [need for need in state.needs[operation.id] if need.resources != (state.contract.account.resource,)]
    if not (operation.is_list and wanted and state.first_page(operation)):
        return
    full = [call for call, exchange in state.traces[operation.id] if call.credential == "key" and items(exchange)]
    if len({(tuple(call.path_params.items()), call.query[:1]) for call in full}) > 1:
        return
    filling = untried(state, operation)
    if filling is not None:
        state.tried_values.setdefault(operation.id, []).append(filling)
        yield from attempt(operation, filling, state)
        call, page = state.traces[operation.id][-1]
        yield from remaining_pages(call, page, state.pages)
