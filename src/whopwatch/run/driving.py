"""Run experiments: send the calls that they yield, and give each response back to them."""

from __future__ import annotations

from collections.abc import Callable

from whopwatch.core.exchange import Exchange
from whopwatch.http import Call
from whopwatch.planning.reach import reach_operations
from whopwatch.planning.state import Experiment, RunState


def drive(experiment: Experiment, ask: Callable[[Call], Exchange | None]) -> None:
    """Run `experiment`: give it the response that `ask` returns for each call, until it ends or `ask` returns None."""
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
    """Request each selected operation once through `send`, with ids from other responses, until `is_over`.

    For callers that do not send through the HTTP client: MCP tools, an SDK, the prober.
    """

    def ask(call: Call) -> Exchange | None:
        exchange = send(call)
        state.record(call, exchange)
        return None if is_over() else exchange

    for experiment in reach_operations(state):
        drive(experiment, ask)
        if is_over():
            return
