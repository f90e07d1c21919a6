"""Tell incidents from drift: a request that failed once and succeeded when it was repeated is no finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from whopwatch.checks.reproduce import request_id
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import timestamp

MAX_INCIDENTS = 3
"""More of them in one run are no accident any more: they are judged as every other response."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A failure that did not repeat: when (UTC), at which operation, what happened, and the id of the request."""

    at: str
    operation: str
    what: str
    request_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the incident as the JSON report has it."""
        return asdict(self)


def without_incidents(exchanges: Sequence[Exchange]) -> tuple[Sequence[Exchange], tuple[Incident, ...]]:
    """Return the exchanges to judge, and the incidents among the others.

    A failure is a 5xx, a 429 or a broken connection. It is an incident if the same request succeeded later, its
    operation failed no other time, and the run had few of them.
    """
    failures = [place for place, one in enumerate(exchanges) if _is_failure(one)]
    of_operation = Counter(exchanges[place].operation for place in failures)
    succeeded: dict[object, int] = defaultdict(lambda: -1)
    for place, one in enumerate(exchanges):
        if one.ok:
            succeeded[_identity(one)] = place
    found = [
        place
        for place in failures
        if of_operation[exchanges[place].operation] == 1 and succeeded[_identity(exchanges[place])] > place
    ]
    if len(found) > MAX_INCIDENTS:
        return exchanges, ()
    apart = set(found)
    rest = tuple(one for place, one in enumerate(exchanges) if place not in apart)
    return rest, tuple(_incident(exchanges[place]) for place in found)


def _is_failure(exchange: Exchange) -> bool:
    return exchange.failure is not None or exchange.status == 429 or (exchange.status or 0) >= 500


def _identity(exchange: Exchange) -> object:
    """Return what makes two reads the same request; writes are never the same."""
    is_read = exchange.method == "GET" and exchange.credential == "key"
    return (exchange.operation, exchange.url, exchange.query) if is_read else id(exchange)


def _incident(exchange: Exchange) -> Incident:
    at = timestamp(datetime.fromtimestamp(exchange.started_at, UTC))
    what = f"no response: {exchange.failure}" if exchange.failure else f"status {exchange.status}"
    return Incident(at, exchange.operation, f"{what}; the repeated request succeeded", request_id(exchange))
