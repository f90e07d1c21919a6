"""Driving experiments: what they ask for is sent, what came back is told to them."""

from __future__ import annotations

from collections.abc import Callable

from whopwatch.core.exchange import Exchange
from whopwatch.http import Call
from whopwatch.planning.reach import reach_operations
from whopwatch.planning.state import Experiment, RunState


def drive(experiment: Experiment, ask: Callable[[Call], Exchange | None]) -> None:
    """Answer each call of `experiment` by `ask`, until it has no more of them or `ask` gives None."""
    exchange: Exchange | None = None
    while True:
        try:
            call = next(experiment) if exchange is None else experiment.send(exchange)
        except StopIteration:
            return
        exchange = ask(call)
        if exchange is None:
            return


def reach(state: RunState, send: Callable[[Call], Exchange], is_over: Callable[[], bool]) -> None:
    """Ask for each selected operation once by `send`, with ids out of what others answered, until `is_over`.

    For whatever sends in place of the client: a tool, an SDK.
    """

    def ask(call: Call) -> Exchange | None:
        exchange = send(call)
        state.record(call, exchange)
        return None if is_over() else exchange

    for experiment in reach_operations(state):
        drive(experiment, ask)
        if is_over():
            return
