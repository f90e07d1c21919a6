"""Requests whose answer tells most: several filters and an order at once, each of which changes what has to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from zlib import crc32

from whopwatch.contract.list_behaviour import HIDDEN, MOMENTS, NOBODY, Filter, Pairs, value_at, wire
from whopwatch.oracle.expected_list import WholeList, values_by_parameter

T = TypeVar("T")

MOST_VALUES = 60
"""Values of one filter in one request: a URL has to stay shorter than any server's limit."""
MIN_ITEMS = 8
"""Items that tell something of pages and their order."""
MIN_SHARE_LEFT = 2 / 3
"""The share of a list that several filters together may leave over at least, so that pages are left to walk."""


def several_filters(listing: WholeList, seed: int) -> Pairs:
    """Filters that each take away a few items which no other one takes away: if one is ignored, those are shown."""
    asked: Pairs = ()
    least = len(listing.items) * MIN_SHARE_LEFT
    for filter in _shuffled(list(listing.parameters.filters.values()), seed):
        for pairs in _weakly_selective_values(listing, filter, seed):
            together = (*asked, *pairs)
            if _is_discriminating(listing, together) and len(listing.expect(together)) >= least:
                asked = together
                break
    return asked or _one_filter(listing, seed)


def mixes_dates_and_choices(listing: WholeList, asked: Pairs) -> bool:
    """Whether `asked` filters both by moments and by a choice of values."""
    filters = [listing.parameters.filters[name] for name in dict(asked) if name in listing.parameters.filters]
    return any(one.is_array for one in filters) and any(one.test in MOMENTS for one in filters)


def _one_filter(listing: WholeList, seed: int) -> Pairs:
    """The filter that leaves most of a list, where none leaves nearly all, and pages are left to walk."""
    filters = _shuffled(list(listing.parameters.filters.values()), seed)
    options = [asked for filter in filters if (asked := discriminating_filter(listing, filter, seed))]
    sure = {asked: sum(one.certain for one in listing.expect(asked).values()) for asked in options}
    best = max(options, key=lambda asked: sure[asked], default=())
    return best if best and sure[best] >= MIN_ITEMS else ()


def discriminating_filter(listing: WholeList, filter: Filter, seed: int) -> Pairs | None:
    """One filter by itself, with a value that some items have and others have not; None where there is no such."""
    options = [*_weakly_selective_values(listing, filter, seed), *_selective_values(listing, filter, seed)]
    return next((pairs for pairs in options if _is_discriminating(listing, pairs)), None)


def weak_filters(listing: WholeList, seed: int) -> Pairs:
    """Filters that take nothing or next to nothing away: every documented value at once, dates beside those of items.

    A limit that lies between two moments of one day tells whether the time of day counts.
    """
    pairs: list[tuple[str, str]] = []
    for filter in listing.parameters.filters.values():
        if filter.is_array and filter.values:
            every = [value for value in filter.values if value not in listing.parameters.declared.wildcards]
            start = seed * MOST_VALUES % len(every)
            pairs += [(filter.name, value) for value in [*every[start:], *every[:start]][:MOST_VALUES]]
        elif filter.test in MOMENTS:
            dates = sorted({str(value) for value in listing.sendable(filter)})
            pairs += _just_after(filter, dates[-4:] if filter.test == "before" else dates[:4], seed)
    return tuple(pairs)


def _just_after(filter: Filter, dates: Sequence[str], seed: int) -> list[tuple[str, str]]:
    """A limit one second after one of `dates`, on the same day."""
    for date in _shuffled(dates, seed):
        try:
            later = datetime.fromisoformat(date) + timedelta(seconds=1)
        except ValueError:
            continue
        if later.isoformat()[:10] == date[:10]:
            return [(filter.name, later.isoformat(timespec="milliseconds").replace("+00:00", "Z"))]
    return []


def orders(listing: WholeList, seed: int) -> list[Pairs]:
    """Every order of the list, each in one direction; those come first that the items show and that have ties."""
    rules = listing.parameters
    names = rules.declared.order
    parameter = rules.operation.parameter(names["parameter"])
    values = [str(value) for value in parameter.schema.get("enum", ())] if parameter else []
    values = _shuffled(values, seed)
    count = len(listing.items)
    spread = {value: _distinct_values(listing, value) for value in values}
    values.sort(key=lambda value: (spread[value] < 2, value == names["default"], spread[value] == count))
    if names["direction"] not in rules.sorts:
        return [((names["parameter"], value),) for value in values]
    turns = ["asc" if (place + seed) % 2 == 0 else "desc" for place in range(len(values))]
    turns[:1] = ["asc"] if turns else []
    pairs: list[Pairs] = [
        ((names["parameter"], value), (names["direction"], turn)) for value, turn in zip(values, turns, strict=True)
    ]
    return pairs or [((names["direction"], "asc"),)]


def impossible_filters(listing: WholeList, seed: int) -> list[Pairs]:
    """Filters that nothing can pass: each whose field no item shows, as nothing else tells of it, else any one."""
    options = [filter for filter in listing.parameters.filters.values() if filter.nothing is not None]
    hidden = [filter for filter in options if all(found is HIDDEN for found in listing.field_values(filter))]
    chosen = hidden or _shuffled(options, seed)[:1]
    return [((filter.name, str(filter.nothing)),) for filter in chosen]


def nonexistent_id_like(id: str) -> str:
    """An id of the same form as `id` that nothing has."""
    prefix, underscore, suffix = id.rpartition("_")
    return f"{prefix}{underscore}{NOBODY if len(suffix) < len(NOBODY) else '0' * len(suffix)}"


def _weakly_selective_values(listing: WholeList, filter: Filter, seed: int) -> Iterator[Pairs]:
    """Values of `filter` that let nearly all items through."""
    if filter.test in MOMENTS:
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
        counts = Counter(wire(value) for value in listing.sendable(filter))
        wildcards = listing.parameters.declared.wildcards
        every = [value for value in filter.values if value not in wildcards] or sorted(counts)
        rarest = sorted(_shuffled(list(counts), seed), key=lambda value: counts[value])
        for excluded in rarest[:3]:
            kept = [value for value in every if value != excluded]
            if 0 < len(kept) <= MOST_VALUES and excluded in every:
                yield tuple((filter.name, value) for value in kept)


def _near_the_end(dates: list[str], is_upper: bool) -> list[str]:
    """Dates that cut few items off, best those that have another on the same day: whether the time counts, shows."""
    if len(dates) < 3:
        return []
    places = [len(dates) - 1 - n for n in range(min(4, len(dates) // 3))] if is_upper else range(1, len(dates) // 3 + 1)
    return sorted(
        (dates[place] for place in list(places)[:4]),
        key=lambda date: dates[dates.index(date) - 1][:10] != date[:10],
    )


def _selective_values(listing: WholeList, filter: Filter, seed: int) -> Iterator[Pairs]:
    """Values of `filter` that let some items through."""
    if filter.test == "contains":
        yield from (((filter.name, text),) for text in _parts(listing, filter, seed))
    elif filter.test in ("is-null", "only-if-true"):
        yield from (((filter.name, value),) for value in ("true", "false"))
    elif filter.test == "equals":
        counts = Counter(wire(value) for value in listing.sendable(filter))
        common = sorted(_shuffled(list(counts), seed), key=lambda value: -counts[value])
        yield from (((filter.name, value),) for value in common[:3])


def _parts(listing: WholeList, filter: Filter, seed: int) -> Iterator[str]:
    """Parts of words that items show, from their middle and in capitals: a search finds them all the same."""
    words = sorted({str(value) for value in listing.sendable(filter) if len(str(value)) >= 6})
    for word in _shuffled(words, seed)[:5]:
        part = word[2:6].strip()
        if part.isalnum() and part.isascii():
            yield part.upper()


def _is_discriminating(listing: WholeList, asked: Pairs) -> bool:
    """Whether every parameter takes away an item that none of the others does, and something is left."""
    wanted = values_by_parameter(asked)
    columns = [listing.passing(name, values) for name, values in wanted.items()]
    fails = [row.count(False) for row in zip(*columns, strict=True)]
    sole = [any(one is False and count == 1 for one, count in zip(column, fails, strict=True)) for column in columns]
    if not columns or not all(sole) or all(fails):
        return False
    return all(_shows_boundary(listing, wanted, name) for name in wanted if name in listing.parameters.filters)


def _shows_boundary(listing: WholeList, wanted: Mapping[str, tuple[str, ...]], name: str) -> bool:
    """Whether an item stands right at the limit that a filter sets, and nothing but that filter decides about it."""
    filter = listing.parameters.filters[name]
    if filter.test not in (*MOMENTS, "at-least", "at-most"):
        return True
    others = [listing.passing(other, values) for other, values in wanted.items() if other != name]
    return any(
        _is_at(found, wanted[name][-1]) and all(column[place] is True for column in others)
        for place, found in enumerate(listing.field_values(filter))
    )


def _is_at(found: object, limit: str) -> bool:
    return isinstance(found, list) and any(wire(value) == limit for value in found)


def _distinct_values(listing: WholeList, order: str) -> int:
    """How many different values the items show where they are sorted."""
    path = listing.parameters.declared.order_path(order)
    return len({repr(value_at(item, path)) for item in listing.items})


def _shuffled(values: Sequence[T], seed: int) -> list[T]:
    return sorted(values, key=lambda value: crc32(f"{seed}:{getattr(value, 'name', value)}".encode()))
