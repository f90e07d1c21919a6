"""What the row of an operation says in figures, whoever asked."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from whopwatch.core.exchange import Exchange
from whopwatch.planning.state import items


def latency(exchanges: Iterable[Exchange]) -> float | None:
    """The median of their durations, in seconds; None where there are none."""
    times = [exchange.phases.total for exchange in exchanges]
    return round(median(times), 6) if times else None


def samples(exchange: Exchange) -> int:
    """What an answer holds: the items of a page, 1 for an object, 0 for nothing or for a refusal."""
    value = exchange.json if exchange.ok else None
    is_page = isinstance(value, dict) and "page_info" in value and "data" in value
    return len(items(exchange)) if is_page else int(bool(value))
