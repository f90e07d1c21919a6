"""A client of the hostile server: how each behaviour and place is tried."""

from __future__ import annotations

from tests.http.hostile.behaviours import Behaviour
from tests.http.support import CONTRACT, call, target
from whopwatch.core.exchange import Exchange
from whopwatch.http import Client, Limits

CALM = Limits(rate=None, deadline=20.0, read=20.0, connect=20.0)
HURRY = Limits(rate=None, deadline=1.0, read=0.3, connect=0.3)


def visit(base_url: str, behaviour: Behaviour) -> list[Exchange]:
    """Every attempt of one call that asks the server for `behaviour`; nothing is really waited for."""
    attempts: list[Exchange] = []
    limits = HURRY if behaviour.hurry else CALM
    with Client(
        target(base_url), CONTRACT, budget=10, limits=limits, sleep=_no_sleep, on_exchange=attempts.append
    ) as client:
        client.send(call(query=(("company_id", behaviour.name),)))
    return attempts


def visit_place(base_url: str) -> Exchange:
    """What comes of one call at an address."""
    with Client(target(base_url), CONTRACT, budget=1, limits=HURRY) as client:
        return client.send(call())


def mistake(behaviour: Behaviour, attempts: list[Exchange]) -> str | None:
    """In which way `attempts` are not what `behaviour` has to be called; None where they are."""
    last = attempts[-1]
    outcome = last.failure or last.status
    if outcome != behaviour.outcome or len(attempts) != behaviour.attempts:
        return f"{outcome} after {len(attempts)} attempts instead of {behaviour.outcome} after {behaviour.attempts}"
    if last.failure is None and last.parsed[1] != behaviour.problem:
        return f"a body that is {last.parsed[1]} instead of {behaviour.problem}"
    return None


def _no_sleep(_: float) -> None:
    """The server's wishes for time are tried with a clock of their own in test_retry.py."""
