"""Choose filters and orders whose effect can be verified: ignoring any one of them would change the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from zlib import crc32

from whopwatch.contract.behaviour import (
    DATE_TESTS,
    NONEXISTENT_ID_SUFFIX,
    NOT_SHOWN,
    Filter,
    Pairs,
    query_text,
    value_at,
)
from whopwatch.core.report import timestamp
from whopwatch.oracle.expected_list import WholeList, values_by_parameter

_Value = TypeVar("_Value")

MOST_VALUES = 60
"""Values of one filter in one request: the URL has to stay below the limit of any server."""
MIN_ITEMS = 8
"""Fewer items show too little of pages and their order."""
MIN_SHARE_LEFT = 2 / 3
"""The share of a list that has to pass several filters together, so that several pages remain."""


def several_filters(listing: WholeList, seed: int) -> Pairs:
    """Return filters that each exclude items which no other filter excludes: if one is ignored, those items appear."""
    chosen: Pairs = ()
    fewest = len(listing.items) * MIN_SHARE_LEFT
    for filter in _shuffled(list(listing.parameters.filters.values()), seed):
        for pairs in _weakly_selective_values(listing, filter, seed):
            together = (*chosen, *pairs)
            if _is_discriminating(listing, together) and len(listing.expect(together)) >= fewest:
                chosen = together
                break
    return chosen or _one_filter(listing, seed)


def mixes_dates_and_choices(listing: WholeList, parameters: Pairs) -> bool:
    """Return whether `parameters` has both a date filter and a filter with several values."""
    filters = [listing.parameters.filters[name] for name in dict(parameters) if name in listing.parameters.filters]
    return any(one.is_array for one in filters) and any(one.test in DATE_TESTS for one in filters)


def _one_filter(listing: WholeList, seed: int) -> Pairs:
    """Return the filter that lets most items pass, if at least MIN_ITEMS do; used if no filter lets nearly all pass."""
    filters = _shuffled(list(listing.parameters.filters.values()), seed)
    options = [pairs for filter in filters if (pairs := discriminating_filter(listing, filter, seed))]
    sure = {pairs: sum(one.certain for one in listing.expect(pairs).values()) for pairs in options}
    best = max(options, key=lambda pairs: sure[pairs], default=())
    return best if best and sure[best] >= MIN_ITEMS else ()


def discriminating_filter(listing: WholeList, filter: Filter, seed: int) -> Pairs | None:
    """Return one filter with a value that some items have and others lack, None if there is no such value."""
    options = [*_weakly_selective_values(listing, filter, seed), *_selective_values(listing, filter, seed)]
    return next((pairs for pairs in options if _is_discriminating(listing, pairs)), None)


def weak_filters(listing: WholeList, seed: int) -> Pairs:
    """Return filters that exclude next to nothing: every documented value at once, and dates next to those of items.

    A limit between two times of one day shows whether the filter reads the time of day.
    """
    pairs: list[tuple[str, str]] = []
    for filter in listing.parameters.filters.values():
        if filter.is_array and filter.values:
            every = [value for value in filter.values if value not in listing.parameters.declared.wildcards]
            start = seed * MOST_VALUES % len(every)
            pairs += [(filter.name, value) for value in [*every[start:], *every[:start]][:MOST_VALUES]]
        elif filter.test in DATE_TESTS:
            dates = sorted({str(value) for value in listing.sendable(filter)})
            pairs += _just_after(filter, dates[-4:] if filter.test == "before" else dates[:4], seed)
    return tuple(pairs)


def _just_after(filter: Filter, dates: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """Return a limit one second after one of `dates`, on the same day."""
    for date in _shuffled(dates, seed):
        try:
            later = datetime.fromisoformat(date) + timedelta(seconds=1)
        except ValueError:
            continue
        if later.isoformat()[:10] == date[:10]:
            return [(filter.name, timestamp(later, "milliseconds"))]
    return []


def orders(listing: WholeList, seed: int) -> list[Pairs]:
    """Return every order of the list, each in one direction; first those with different values and ties."""
    rules = listing.parameters
    names = rules.declared.order
    values = _shuffled(rules.orders, seed)
    count = len(listing.items)
    spread = {value: _distinct_values(listing, value) for value in values}
    values.sort(key=lambda value: (spread[value] < 2, value == names["default"], spread[value] == count))
    if names["direction"] not in rules.sorts:
        return [((names["parameter"], value),) for value in values]
    turns = ["asc" if (place + seed) % 2 == 0 else "desc" for place in range(len(values))]
    # The first order is the one that is requested most: only the direction that is not the default shows its effect.
    turns[:1] = ["asc"] if turns else []
    pairs: list[Pairs] = [
        ((names["parameter"], value), (names["direction"], turn)) for value, turn in zip(values, turns, strict=True)
    ]
    return pairs or [((names["direction"], "asc"),)]


def impossible_filters(listing: WholeList, seed: int) -> list[Pairs]:
    """Return filters that no item can pass: for every field that items do not show, which no other request covers.

    If items show all fields, one filter is enough.
    """
    options = [filter for filter in listing.parameters.filters.values() if filter.nothing is not None]
    hidden = [filter for filter in options if all(found is NOT_SHOWN for found in listing.field_values(filter))]
    chosen = hidden or _shuffled(options, seed)[:1]
    return [((filter.name, str(filter.nothing)),) for filter in chosen]


def nonexistent_id_like(id: str) -> str:
    """Return an id of the same form as `id` that no object has."""
    prefix, underscore, suffix = id.rpartition("_")
    zeros = "0" * max(len(suffix), len(NONEXISTENT_ID_SUFFIX))
    return f"{prefix}{underscore}{zeros}"


def _weakly_selective_values(listing: WholeList, filter: Filter, seed: int) -> Iterator[Pairs]:
    """Yield values of `filter` that let nearly all items pass."""
    if filter.test in DATE_TESTS:
        dates = sorted({str(value) for value in listing.sendable(filter)})
        yield from (((filter.name, date),) for date in _near_the_end(dates, filter.test == "before"))
    elif filter.test in ("at-least", "at-most"):
        shown = listing.sendable(filter)
        numbers = sorted({value for value in shown if isinstance(value, int) and abs(value) < 10**9})
        if len(numbers) > 1:
            yield ((filter.name, str(numbers[1] if filter.test == "at-least" else numbers[-2])),)
    elif filter.test == "unless-zero":
        yield ((filter.name, "false"),)
    elif filter.is_array:
        counts = Counter(query_text(value) for value in listing.sendable(filter))
        wildcards = listing.parameters.declared.wildcards
        every = [value for value in filter.values if value not in wildcards] or sorted(counts)
        rarest = sorted(_shuffled(list(counts), seed), key=lambda value: counts[value])
        for excluded in rarest[:3]:
            kept = [value for value in every if value != excluded]
            if 0 < len(kept) <= MOST_VALUES and excluded in every:
                yield tuple((filter.name, value) for value in kept)


def _near_the_end(dates: list[str], is_upper: bool) -> list[str]:
    """Return dates that exclude few items; dates with another on the same day first, as they test the time of day."""
    if len(dates) < 3:
        return []
    places = [len(dates) - 1 - n for n in range(min(4, len(dates) // 3))] if is_upper else range(1, len(dates) // 3 + 1)
    return sorted(
        (dates[place] for place in list(places)[:4]),
        key=lambda date: dates[dates.index(date) - 1][:10] != date[:10],
    )


def _selective_values(listing: WholeList, filter: Filter, seed: int) -> Iterator[Pairs]:
    """Yield values of `filter` that let some items pass."""
    if filter.test == "contains":
        yield from (((filter.name, text),) for text in _parts(listing, filter, seed))
    elif filter.test in ("is-null", "only-if-true"):
        yield from (((filter.name, value),) for value in ("true", "false"))
    elif filter.test == "equals":
        shown = (query_text(value) for value in listing.sendable(filter))
        # Items may show values that the filter does not take: its enum can be smaller than that of the field.
        counts = Counter(value for value in shown if not filter.values or value in filter.values)
        common = sorted(_shuffled(list(counts), seed), key=lambda value: -counts[value])
        yield from (((filter.name, value),) for value in common[:3])


def _parts(listing: WholeList, filter: Filter, seed: int) -> Iterator[str]:
    """Yield parts of words of items, from their middle and in capitals: a search has to find them too."""
    words = sorted({str(value) for value in listing.sendable(filter) if len(str(value)) >= 6})
    for word in _shuffled(words, seed)[:5]:
        part = word[2:6].strip()
        if part.isalnum() and part.isascii():
            yield part.upper()


def _is_discriminating(listing: WholeList, parameters: Pairs) -> bool:
    """Return whether ignoring any one parameter would change the result, and the result is not empty."""
    wanted = values_by_parameter(parameters)
    columns = [listing.passing(name, values) for name, values in wanted.items()]
    fails = [row.count(False) for row in zip(*columns, strict=True)]
    sole = [any(one is False and count == 1 for one, count in zip(column, fails, strict=True)) for column in columns]
    if not columns or not all(sole) or all(fails):
        return False
    return all(_shows_boundary(listing, wanted, name) for name in wanted if name in listing.parameters.filters)


def _shows_boundary(listing: WholeList, wanted: Mapping[str, tuple[str, ...]], name: str) -> bool:
    """Return whether an item has exactly the value of a date or number filter, and every other filter lets it pass."""
    filter = listing.parameters.filters[name]
    if filter.test not in (*DATE_TESTS, "at-least", "at-most"):
        return True
    others = [listing.passing(other, values) for other, values in wanted.items() if other != name]
    return any(
        _is_at(found, wanted[name][-1]) and all(column[place] is True for column in others)
        for place, found in enumerate(listing.field_values(filter))
    )


def _is_at(found: object, limit: str) -> bool:
    return isinstance(found, list) and any(query_text(value) == limit for value in found)


def _distinct_values(listing: WholeList, order: str) -> int:
    """Return how many different values the items have in the field of an order."""
    path = listing.parameters.declared.order_path(order)
    return len({repr(value_at(item, path)) for item in listing.items})


def _shuffled(values: Sequence[_Value], seed: int) -> list[_Value]:
    return sorted(values, key=lambda value: crc32(f"{seed}:{getattr(value, 'name', value)}".encode()))
