"""A client of the hostile server: how each behaviour and place is tried."""

from __future__ import annotations

from dataclasses import replace

from tests.http.hostile.behaviours import Behaviour
from tests.http.support import CONTRACT, call, target
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.http import Client, Limits

LONG = Limits(rate=None, deadline=120.0, read=120.0, connect=120.0, write=120.0)
SHORT: dict[Failure | int, Limits] = {
    Failure.CONNECT_TIMEOUT: replace(LONG, connect=0.3),
    Failure.READ_TIMEOUT: replace(LONG, read=0.3),
    Failure.DEADLINE: replace(LONG, deadline=0.6),
}
"""Only the limit that a behaviour has to exceed is short, so that a busy machine cannot exceed another one first."""


def visit(base_url: str, behaviour: Behaviour) -> list[Exchange]:
    """Return every attempt of one call that requests `behaviour` from the server. Waits before retries are skipped."""
    attempts: list[Exchange] = []
    limits = SHORT.get(behaviour.outcome, LONG)
    with Client(
        target(base_url), CONTRACT, budget=10, limits=limits, sleep=_no_sleep, on_exchange=attempts.append
    ) as client:
        client.send(call(query=(("company_id", behaviour.name),)))
    if behaviour.outcome is Failure.RESET:
        return attempts
    # The server closes each connection; a retry may use it before the end of the stream has arrived, and is sent again.
    return [attempt for attempt in attempts if attempt.failure is not Failure.RESET]


def visit_place(base_url: str, outcome: Failure) -> Exchange:
    """Return the exchange of one call at an address where `outcome` is expected."""
    with Client(target(base_url), CONTRACT, budget=1, limits=SHORT.get(outcome, LONG)) as client:
        return client.send(call())


def mistake(behaviour: Behaviour, attempts: list[Exchange]) -> str | None:
    """Return how `attempts` differ from what `behaviour` expects, None if they do not."""
    last = attempts[-1]
    outcome = last.failure or last.status
    if outcome != behaviour.outcome or len(attempts) != behaviour.attempts:
        return f"{outcome} after {len(attempts)} attempts instead of {behaviour.outcome} after {behaviour.attempts}"
    if last.failure is None and last.parsed[1] != behaviour.problem:
        return f"a body that is {last.parsed[1]} instead of {behaviour.problem}"
    return None


def _no_sleep(_: float) -> None:
    """Skip the wait: test_retry.py tests waits with its own clock."""
