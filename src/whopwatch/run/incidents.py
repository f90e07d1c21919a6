"""Distinguish incidents from drift: a request that failed once and succeeded when it was repeated is no finding."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from whopwatch.checks.reproduce import request_id
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.report import timestamp
from whopwatch.run.abort import cloudflare_reason

MAX_INCIDENTS = 3
"""More of them in one run are no accident any more, unless it sent many requests: see `MAX_SHARE`."""
MAX_SHARE = 0.05
"""The share of the requests of a run that may be incidents."""
MAX_SHARE_OF_OPERATION = 0.1
"""The share of the requests of one operation that may fail in the same way, if it is more than one request; and in
different ways, if it is more than `MAX_INCIDENTS`."""
MIN_LIMITED_OPERATIONS = 10
"""Operations that must be rate limited, and at least half of all in the run, before a 429 is a finding."""
MAX_INCIDENTS_LISTED = 20
"""Incidents that a report lists."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A failure that is no drift: when (UTC), at which operation, what happened, and the id of the request."""

    at: str
    operation: str
    what: str
    request_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the incident as the JSON report has it."""
        return asdict(self)


def without_incidents(exchanges: Sequence[Exchange]) -> tuple[Sequence[Exchange], tuple[Incident, ...]]:
    """Return the exchanges to judge, and the incidents among the others.

    A failure is a 5xx, a 429 or no complete response. It is an incident if the same request got a response later and
    did not fail in the same way again, and if the operation and the run had few of them. Three kinds are incidents in
    any number: a response of Cloudflare itself, which says nothing about the API; a connection that the server had
    closed before the request was sent on it; and a 429 that ended after a wait, because others may spend the limit of
    the same key. They cannot spend that of most operations at once, as each operation has a limit of its own: then
    the 429s of one operation are judged, so that the report has one finding, and the others are verified.
    """
    foreign = {place: reason for place, one in enumerate(exchanges) if (reason := cloudflare_reason(one))}
    failures = [place for place, one in enumerate(exchanges) if place not in foreign and one.may_be_transient]
    last_response = _last_response(exchanges) if failures else {}
    recovered = [place for place in failures if last_response[_identity(exchanges[place])] > place]
    judged = _operation_for_all_limited(exchanges)
    limited = {place for place in recovered if exchanges[place].status == 429 and exchanges[place].operation == judged}
    expected = {place for place in recovered if _is_expected(exchanges[place])} - limited
    others = set(recovered) - expected - limited
    failed = [exchanges[place] for place in failures]
    of_request = Counter((_identity(one), one.failure_kind) for one in failed)
    sent = Counter(one.operation for one in exchanges) if failures else Counter()
    of_operation = Counter((one.operation, one.failure_kind) for one in failed)
    in_any_way = Counter(exchanges[place].operation for place in others)

    def is_rare(one: Exchange) -> bool:
        kind = one.failure_kind
        few = MAX_SHARE_OF_OPERATION * sent[one.operation]
        is_rare_kind = of_request[_identity(one), kind] == 1 and of_operation[one.operation, kind] <= max(1, few)
        return is_rare_kind and in_any_way[one.operation] <= max(MAX_INCIDENTS, few)

    once = {place for place in others if is_rare(exchanges[place])}
    is_accident = len(others) <= max(MAX_INCIDENTS, MAX_SHARE * len(exchanges))
    apart = {*foreign, *expected, *(once if is_accident else ())}
    rest = tuple(one for place, one in enumerate(exchanges) if place not in apart)
    listed = sorted(apart)[:MAX_INCIDENTS_LISTED]
    return (rest if apart else exchanges), tuple(_incident(exchanges[place], foreign.get(place)) for place in listed)


def _last_response(exchanges: Sequence[Exchange]) -> dict[object, int]:
    """Return for each request the place of its last response that is no failure; -1 if there is none."""
    places: dict[object, int] = defaultdict(lambda: -1)
    for place, one in enumerate(exchanges):
        if not one.may_be_transient:
            places[_identity(one)] = place
    return places


def _operation_for_all_limited(exchanges: Sequence[Exchange]) -> str | None:
    """Return the first of the operations that got a 429, if most operations did."""
    limited = {one.operation for one in exchanges if one.status == 429}
    is_most = len(limited) >= max(MIN_LIMITED_OPERATIONS, len({one.operation for one in exchanges}) / 2)
    return min(limited) if is_most else None


def _is_expected(exchange: Exchange) -> bool:
    """Return whether a client must expect the failure: 429, or a connection that was closed while it was idle.

    A server may close an idle connection at any time (RFC 9112, 9.3.1).
    """
    is_idle = exchange.phases.connect is None and exchange.phases.ttfb is None
    return exchange.status == 429 or (exchange.failure is Failure.RESET and is_idle)


def _identity(exchange: Exchange) -> object:
    """Return what makes two reads the same request; writes are never the same."""
    is_read = exchange.method == "GET"
    return (exchange.operation, exchange.url, exchange.query, exchange.credential) if is_read else id(exchange)


def _incident(exchange: Exchange, reason: str | None) -> Incident:
    at = timestamp(datetime.fromtimestamp(exchange.started_at, UTC))
    what = f"no response: {exchange.failure}" if exchange.failure else f"status {exchange.status}"
    what = reason.removesuffix(".") if reason else f"{what}; the repeated request succeeded"
    return Incident(at, exchange.operation, what, request_id(exchange))
