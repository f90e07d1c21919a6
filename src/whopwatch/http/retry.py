"""Whether a request is sent again, and how long to wait for that."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from whopwatch.core.exchange import Exchange
from whopwatch.http.limits import Limits

RETRIED = frozenset({429, 503})
"""The statuses that ask to come back later. Nothing else is ever sent twice."""


def asked_wait(exchange: Exchange) -> float | None:
    """The seconds that a response names in Retry-After, as a number or as a date; None where it names none.

    A date is held against the response's own Date, so that no clock but the server's has a say.
    """
    text = (exchange.header("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _date(text)
    if until is None:
        return None
    now = _date(exchange.header("date") or "") or datetime.fromtimestamp(exchange.started_at, UTC)
    return max((until - now).total_seconds(), 0.0)


def wait_before_next(exchange: Exchange, limits: Limits) -> float | None:
    """The seconds in which the operation of `exchange` is to be left alone; None where it need not be.

    Where the server names no time, it doubles with each attempt. May be longer than `limits.retry_wait`.
    """
    if exchange.status not in RETRIED:
        return None
    asked = asked_wait(exchange)
    return asked if asked is not None else limits.backoff * 2.0 ** (exchange.attempt - 1)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
