"""Asking again before an accusation: what rests on one answer is asked for a second time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.state import Experiment, RunState, own_ids

OPERATIONS = 20
CALLS = 12
"""Operations, and requests of each, that are repeated at most."""


def repeat_suspected(state: RunState, suspects: Collection[str]) -> Iterator[Experiment]:
    """The requests of each suspected operation again, in their order; for an object then the list that names it.

    Requests under filters are left out: they are asked again as soon as they surprise.
    """
    for id in sorted(suspects)[:OPERATIONS]:
        calls = [call for call in state.calls(id) if call.purpose is not Purpose.QUERY][:CALLS]
        yield again([*calls, *_pages_with(state, calls)])


def _pages_with(state: RunState, calls: Sequence[Call]) -> list[Call]:
    """The requests for the list pages that name the objects which `calls` ask for."""
    pages: list[Call] = []
    for call in calls:
        listing = state.contract.operations.get(f"{call.operation.resource}.list")
        wanted = call.path_params.get("id")
        if listing and wanted and not call.operation.is_list:
            traces = state.traces.get(listing.id, ())
            pages += [page for page, exchange in traces if wanted in own_ids(listing, exchange.json)][:1]
    return pages


def again(calls: Sequence[Call]) -> Experiment:
    """`calls`, one after the other."""
    for call in calls:  # noqa: UP028 (`yield from` would send the answers to a list)
        yield call
