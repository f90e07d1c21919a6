"""Faults in what query parameters do: filters, orders, sizes that are ignored, changed or misunderstood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Parameter
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.paging import Listing
from whopwatch.simulator.paging import Place as Position
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.problem import ApiError, invalid, missing, not_found
from whopwatch.simulator.relations import PAGE_PARAMETERS, SORT_PARAMETERS
from whopwatch.simulator.values import DAY_MS
from whopwatch.simulator.world import Entity

Query = dict[str, Any]


def _filters(place: Place, kind: str) -> list[Parameter]:
    """The parameters of a list that choose among its items, of one kind (a key of KINDS)."""
    if not place.operation.is_list:
        return []
    others = PAGE_PARAMETERS | SORT_PARAMETERS
    return [p for p in place.operation.in_("query") if p.name not in others and KINDS[kind](place, p)]


def _schema(place: Place, parameter: Parameter) -> Mapping[str, Any]:
    schema = place.contract.resolve(parameter.schema, place.operation.api)
    return place.contract.resolve(schema.get("items", schema), place.operation.api)


KINDS: Mapping[str, Callable[[Place, Parameter], bool]] = {
    "any": lambda place, p: not p.required,
    "enum": lambda place, p: not p.required and "enum" in _schema(place, p),
    "array": lambda place, p: not p.required and p.is_array,
    "id": lambda place, p: not p.required and p.resource is not None,
    "date": lambda place, p: _schema(place, p).get("format") == "date-time",
    "after-date": lambda place, p: p.name.endswith("_after"),
    "before-date": lambda place, p: p.name.endswith("_before"),
    "flag": lambda place, p: _schema(place, p).get("type") == "boolean",
    "search": lambda place, p: p.name in ("query", "keyword"),
    "number": lambda place, p: _schema(place, p).get("type") == "integer",
    "company": lambda place, p: p.resource == "companies" and p.required,
    "parent": lambda place, p: p.resource not in ("companies", None) and p.required,
}
"""Kinds of filters."""


def ignored(
    place: Place, *, names: list[str] | None = None, filter: str | None = None, when: str = "any"
) -> Plan | None:
    """Ignore parameters, by name or by kind of filter; `when` is `any` page or only `later` ones."""
    dropped = _names(place, names, filter)
    if not dropped:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        meant = {name: value for name, value in call.query.items() if name not in dropped}
        _as_if(call, proceed, meant if when == "any" or "after" in call.query else call.query)

    step = "page" if set(dropped) <= PAGE_PARAMETERS else "act"
    return around(step, changed, f"param:{dropped[0]}")


def _as_if(call: Call, proceed: Proceed, query: Query) -> None:
    """Carry out a step as if the query were another one. The cursors stay those of the query that was asked."""
    asked = call.query
    if query != asked and call.page is None and call.listing is None:
        proceed()
    cursors = call.cursors
    call.query = query
    proceed()
    call.query = asked
    call.cursors = cursors or call.cursors


def _names(place: Place, names: list[str] | None, filter: str | None) -> list[str]:
    if filter:
        return [parameter.name for parameter in _filters(place, filter)]
    found = [name for name in names or () if place.operation.parameter(name)]
    return found if len(found) == len(names or ()) else []


def rewritten(place: Place, *, how: str, setting: Any = None) -> Plan | None:
    """Understand the request as another one: a key of REWRITES."""
    name, step, rewrite = REWRITES[how]
    if place.operation.parameter(name) is None:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        _as_if(call, proceed, rewrite(dict(call.query), setting))

    return around(step, changed, f"param:{name}")


def _put(query: Query, **values: Any) -> Query:
    return {name: value for name, value in {**query, **values}.items() if value is not None}


def _moved(name: str) -> Callable[[Query, Any], Query]:
    """A date parameter, as many milliseconds later."""
    return lambda query, setting: _put(query, **{name: query[name] + setting} if name in query else {})


def _of_day(name: str) -> Callable[[Query, Any], Query]:
    return lambda query, _: _put(query, **{name: query[name] // DAY_MS * DAY_MS} if name in query else {})


def _at_most(query: Query, limit: int) -> Query:
    return _put(query, **{name: min(query[name], limit) for name in ("first", "last") if name in query})


REWRITES: Mapping[str, tuple[str, str, Callable[[Query, Any], Query]]] = {
    "default-size": ("first", "page", lambda q, n: q if {"first", "last", "before"} & q.keys() else _put(q, first=n)),
    "at-most": ("first", "page", _at_most),
    "last-as-first": (
        "last",
        "page",
        lambda q, _: _put(q, first=q.get("first") or q.get("last"), last=None, before=None),
    ),
    "prefer-last": ("last", "page", lambda q, _: _put(q, first=None) if {"first", "last"} <= q.keys() else q),
    "prefer-first": ("last", "page", lambda q, _: _put(q, last=None) if {"first", "last"} <= q.keys() else q),
    "before-as-after": ("before", "page", lambda q, _: _put(q, after=q.get("before", q.get("after")), before=None)),
    "other-direction": (
        "direction",
        "act",
        lambda q, _: _put(q, direction="asc" if q.get("direction", "desc") == "desc" else "desc"),
    ),
    "default-direction": ("direction", "act", lambda q, _: _put(q, direction=q.get("direction", "asc"))),
    "after-later": ("created_after", "act", _moved("created_after")),
    "before-later": ("created_before", "act", _moved("created_before")),
    "after-of-day": ("created_after", "act", _of_day("created_after")),
    "before-of-day": ("created_before", "act", _of_day("created_before")),
}
"""The parameter it is about, the step that reads it, and what becomes of the query."""


def sized(place: Place, *, how: str) -> Plan | None:
    """Take page sizes that the API would refuse, or refuse those it would take: a key of SIZES."""
    if place.operation.parameter("first") is None:
        return None
    change = SIZES[how]

    def changed(call: Call, proceed: Proceed) -> None:
        call.query_pairs = change(list(call.query_pairs))
        proceed()

    return around("validate", changed, "param:first")


def _is_size(text: str) -> bool:
    return text.isdecimal() and int(text) > 0


def _refuse_maximum(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if any(name == "first" and _is_size(value) and int(value) > 50 for name, value in pairs):
        raise invalid("first", "at most 50")
    return pairs


SIZES: Mapping[str, Callable[[list[tuple[str, str]]], list[tuple[str, str]]]] = {
    "ignore-odd": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or _is_size(v)],
    "ignore-text": lambda pairs: [(n, v) for n, v in pairs if n not in ("first", "last") or v.lstrip("+-").isdecimal()],
    "absolute": lambda pairs: [(n, str(abs(int(v)) or 1) if v.lstrip("-").isdecimal() else v) for n, v in pairs],
    "refuse-maximum": _refuse_maximum,
}
"""What becomes of the query as it was sent."""


def forgiven(place: Place, *, filter: str) -> Plan | None:
    """Ignore filters whose value is not a documented one, instead of refusing them."""
    names = {parameter.name for parameter in _filters(place, filter)}
    if not names:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        try:
            proceed()
        except ApiError as problem:
            if problem.param not in names:
                raise
            call.query_pairs = [pair for pair in call.query_pairs if pair[0] != problem.param]
            proceed()

    return around("validate", changed, f"param:{min(names)}")


def required(place: Place, *, filter: str | None = None, name: str | None = None) -> Plan | None:
    """Ask for a parameter that is documented as optional, or that nobody documented."""
    found = [name] if name else _names(place, None, filter)
    if not found:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        if found[0] not in {sent for sent, _ in call.query_pairs}:
            raise missing(found[0])
        proceed()

    documented = place.operation.parameter(found[0])
    return around("validate", changed, f"param:{found[0]}" if documented else "status")


def filled_in(place: Place) -> Plan | None:
    """Take a required parameter that is missing from somewhere else, instead of asking for it."""
    needed = [parameter for parameter in place.operation.required_query if parameter.resource]
    if not needed:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        sent = {name for name, _ in call.query_pairs}
        own = {"companies": place.world.company.id}
        added = [
            (p.name, own.get(p.resource or "") or next(reversed(place.world.table(p.resource or ""))))
            for p in needed
            if p.name not in sent
        ]
        call.query_pairs = [*call.query_pairs, *added]
        proceed()

    return around("validate", changed, f"param:{needed[0].name}")


def refused_value(place: Place) -> Plan | None:
    """Refuse the last of the documented values of an enum filter."""
    for parameter in _filters(place, "enum"):
        value = _schema(place, parameter)["enum"][-1]

        def changed(call: Call, proceed: Proceed, name: str = parameter.name, value: str = value) -> None:
            if (name, value) in call.query_pairs:
                raise invalid(name, "one of the documented values")
            proceed()

        return around("validate", changed, f"param:{parameter.name}")
    return None


def selected(place: Place, *, how: str, filter: str = "any") -> Plan | None:
    """Other items than the filters ask for: a key of SELECTIONS."""
    names = _names(place, None, filter)
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

    return around("act", changed, f"param:{names[0]}")


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
    names = _names(place, None, filter)
    if not names or (how == "one-filter" and len(names) < 2):
        return None
    reduce = VALUES[how]

    def changed(call: Call, proceed: Proceed) -> None:
        _as_if(call, proceed, reduce(dict(call.query), names))

    return around("act", changed, f"param:{names[0]}")


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
    parameters = _filters(place, "search")
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

STEPS: Table = {
    "ignored": ignored,
    "rewritten": rewritten,
    "sized": sized,
    "forgiven": forgiven,
    "required": required,
    "filled-in": filled_in,
    "refused-value": refused_value,
    "selected": selected,
    "values": values,
    "search": search,
    "ordered": ordered,
}
