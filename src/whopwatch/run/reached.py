"""Reaching operations through something else than the client: a tool, an SDK."""

from __future__ import annotations

from collections.abc import Callable

from whopwatch.client import Call
from whopwatch.exchange import Exchange
from whopwatch.plan import Known
from whopwatch.plan.reach import reach_operations


def reach(known: Known, send: Callable[[Call], Exchange], is_over: Callable[[], bool]) -> None:
    """Ask for each selected operation once by `send`, with ids out of what others answered, until `is_over`."""
    for experiment in reach_operations(known):
        exchange: Exchange | None = None
        while True:
            try:
                call = next(experiment) if exchange is None else experiment.send(exchange)
            except StopIteration:
                break
            exchange = send(call)
            known.learn(call, exchange)
            if is_over():
                return
