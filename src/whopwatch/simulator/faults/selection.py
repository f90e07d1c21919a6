"""Faults in which items filters and searches select, and in the order they come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from whopwatch.simulator.faults.parameters import Query, as_if, filters_of, location_of, names_of
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.paging import Listing
from whopwatch.simulator.paging import Place as Position
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import not_found
from whopwatch.simulator.world import Entity


def selected(place: Place, *, how: str, filter: str = "any") -> Plan | None:
    """Other items than the filters ask for: a key of SELECTIONS."""
    names = names_of(place, None, filter)
    if not names:
        return None
    choose = SELECTIONS[how]

    def changed(call: Call, proceed: Proceed) -> None:
        if not set(names) & call.query.keys():
            proceed()
            return
        asked = call.query
        call.query = {name: value for name, value in asked.items() if name not in names}
        proceed()
        everything = _pairs(call)
        call.query = asked
        proceed()
        kept = choose(everything, _pairs(call))
        assert call.listing is not None
        call.rows = [row for _, row in kept]
        call.listing = replace(call.listing, places=[position for position, _ in kept])

    return around("act", changed, location_of(names))


Pairs = list[tuple[Position, Entity]]


def _pairs(call: Call) -> Pairs:
    assert call.listing is not None
    return list(zip(call.listing.places, call.rows, strict=True))


def _and_one_more(everything: Pairs, kept: Pairs) -> Pairs:
    chosen = {row.id for _, row in kept}
    stranger = next((row.id for _, row in everything if row.id not in chosen), None)
    return [pair for pair in everything if pair[1].id in chosen or pair[1].id == stranger]


def _others(everything: Pairs, kept: Pairs) -> Pairs:
    chosen = {row.id for _, row in kept}
    return [pair for pair in everything if pair[1].id not in chosen]


def _none_missing(everything: Pairs, kept: Pairs) -> Pairs:
    if not kept:
        raise not_found("object")
    return kept


SELECTIONS: Mapping[str, Callable[[Pairs, Pairs], Pairs]] = {
    "others": _others,
    "one-more": _and_one_more,
    "one-less": lambda everything, kept: kept[: len(kept) // 2] + kept[len(kept) // 2 + 1 :],
    "all-if-none": lambda everything, kept: kept or everything,
    "404-if-none": _none_missing,
    "newest-only": lambda everything, kept: kept[:1],
}
"""`(the items without the filter, the items with it)` to those that are listed."""


def values(place: Place, *, how: str, filter: str = "array") -> Plan | None:
    """Read a filter of several values, or several filters, as fewer: a key of VALUES."""
    names = names_of(place, None, filter)
    if not names or (how == "one-filter" and len(names) < 2):
        return None
    reduce = VALUES[how]

    def changed(call: Call, proceed: Proceed) -> None:
        as_if(call, proceed, reduce(dict(call.query), names))

    return around("act", changed, location_of(names))


def _one_filter(query: Query, names: list[str]) -> Query:
    """Without the last of the filters, where there are several."""
    sent = [name for name in query if name in names]
    return {name: value for name, value in query.items() if len(sent) < 2 or name != sent[-1]}


VALUES: Mapping[str, Callable[[Query, list[str]], Query]] = {
    "first-value": lambda query, names: {n: v[:1] if n in names else v for n, v in query.items()},
    "last-value": lambda query, names: {n: v[-1:] if n in names else v for n, v in query.items()},
    "one-filter": _one_filter,
}
"""What is left of a query."""


def search(place: Place, *, how: str) -> Plan | None:
    """A search that finds less than the documented fields hold: only `exact` spelling, or only at the `start`."""
    parameters = filters_of(place, "search")
    if not parameters:
        return None
    name = parameters[0].name
    path = {p.name: path for p, path in place.world.relations.filter_paths(place.operation)}[name]

    def found(row: Entity, wanted: str) -> bool:
        texts = [str(text) for option in path.split("|") for text in place.world.follow(row, option)]
        if how == "exact":
            return any(wanted in text for text in texts)
        return any(text.casefold().startswith(wanted.casefold()) for text in texts)

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        if name in call.query and call.listing is not None:
            kept = [pair for pair in _pairs(call) if found(pair[1], call.query[name])]
            call.rows = [row for _, row in kept]
            call.listing = replace(call.listing, places=[position for position, _ in kept])

    return around("act", changed, f"param:{name}")


def ordered(place: Place, *, how: str) -> Plan | None:
    """An order that loses items, or compares numbers as texts: a key of ORDERS."""
    if place.operation.parameter("order") is None:
        return None
    reorder = ORDERS[how]

    def changed(call: Call, proceed: Proceed) -> None:
        proceed()
        if "order" in call.query and call.listing is not None:
            kept = reorder(_pairs(call), call.listing)
            call.rows = [row for _, row in kept]
            call.listing = replace(call.listing, places=[position for position, _ in kept])

    return around("act", changed, "param:order")


def _without_lowest(pairs: Pairs, listing: Listing) -> Pairs:
    """Without the items that have no sort key, or else without the one that has the lowest."""
    keyed = [pair for pair in pairs if pair[0][0] == 1]
    if len(keyed) < len(pairs):
        return keyed
    return pairs[:-1] if listing.descending else pairs[1:]


def _as_text(pairs: Pairs, listing: Listing) -> Pairs:
    texts = [((position[0], str(position[1]), position[2]), row) for position, row in pairs]
    return sorted(texts, key=lambda pair: pair[0], reverse=listing.descending)


ORDERS: Mapping[str, Callable[[Pairs, Listing], Pairs]] = {"lossy": _without_lowest, "as-text": _as_text}


STEPS: Table = {"selected": selected, "values": values, "search": search, "ordered": ordered}
