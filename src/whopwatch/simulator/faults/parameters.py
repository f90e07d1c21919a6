"""Faults in parameters that are ignored or understood as others."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whopwatch.contract import Parameter
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed
from whopwatch.simulator.relations import PAGE_PARAMETERS, SORT_PARAMETERS
from whopwatch.simulator.values import DAY_MS

Query = dict[str, Any]


def filters_of(place: Place, kind: str) -> list[Parameter]:
    """The parameters of a list that choose among its items, of one kind (a key of KINDS)."""
    if not place.operation.is_list:
        return []
    others = PAGE_PARAMETERS | SORT_PARAMETERS
    return [p for p in place.operation.in_("query") if p.name not in others and KINDS[kind](place, p)]


def schema_of(place: Place, parameter: Parameter) -> Mapping[str, Any]:
    """The schema of a parameter's value, of an array's that of one value."""
    schema = place.contract.resolve(parameter.schema, place.operation.api)
    return place.contract.resolve(schema.get("items", schema), place.operation.api)


KINDS: Mapping[str, Callable[[Place, Parameter], bool]] = {
    "any": lambda place, p: not p.required,
    "enum": lambda place, p: not p.required and "enum" in schema_of(place, p),
    "array": lambda place, p: not p.required and p.is_array,
    "id": lambda place, p: not p.required and p.resource is not None,
    "date": lambda place, p: schema_of(place, p).get("format") == "date-time",
    "flag": lambda place, p: schema_of(place, p).get("type") == "boolean",
    "search": lambda place, p: p.name in ("query", "keyword"),
    "number": lambda place, p: schema_of(place, p).get("type") == "integer",
    "company": lambda place, p: p.resource == "companies" and p.required,
    "parent": lambda place, p: p.resource not in ("companies", None) and p.required,
}
"""Kinds of filters."""


def location_of(names: Sequence[str]) -> str:
    """Where findings about one of these parameters point."""
    return f"param:{names[0]}" if len(names) == 1 else "param:*"


def names_of(place: Place, names: Sequence[str] | None, filter: str | None) -> list[str]:
    """The parameters with these names, none where one is missing; or those of a kind of filter."""
    if filter:
        return [parameter.name for parameter in filters_of(place, filter)]
    found = [name for name in names or () if place.operation.parameter(name)]
    return found if len(found) == len(names or ()) else []


def as_if(call: Call, proceed: Proceed, query: Query) -> None:
    """Carry out a step as if the query were another one. The cursors stay those of the query that was asked."""
    asked = call.query
    if query != asked and call.page is None and call.listing is None:
        proceed()
    cursors = call.cursors
    call.query = query
    proceed()
    call.query = asked
    call.cursors = cursors or call.cursors


def ignored(
    place: Place, *, names: list[str] | None = None, filter: str | None = None, when: str = "any"
) -> Plan | None:
    """Ignore parameters, by name or by kind of filter; `when` is `any` page or only `later` ones."""
    dropped = names_of(place, names, filter)
    if not dropped:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        meant = {name: value for name, value in call.query.items() if name not in dropped}
        as_if(call, proceed, meant if when == "any" or "after" in call.query else call.query)

    step = "page" if set(dropped) <= PAGE_PARAMETERS else "act"
    return around(step, changed, location_of(dropped))


def rewritten(place: Place, *, how: str, setting: Any = None, shown: str | None = None) -> Plan | None:
    """Understand the request as another one: a key of REWRITES. `shown` is a field that items have to show for it."""
    name, step, rewrite = REWRITES[how]
    is_shown = shown is None or (place.view is not None and shown in place.view.node.fields)
    if place.operation.parameter(name) is None or not is_shown:
        return None

    def changed(call: Call, proceed: Proceed) -> None:
        as_if(call, proceed, rewrite(dict(call.query), setting))

    return around(step, changed, f"param:{name}")


def cached(place: Place, *, names: list[str]) -> Plan | None:
    """Give the first answer again to whatever differs from its request in these parameters alone."""
    kept: dict[str, Any] = {}
    if not place.operation.is_list or not all(map(place.operation.parameter, names)):
        return None

    def remembered(call: Call, proceed: Proceed) -> None:
        proceed()
        rest = {name: value for name, value in call.query.items() if name not in names}
        call.payload = copy.deepcopy(kept.setdefault(repr((call.path, rest)), call.payload))

    return around("project", remembered, location_of(names))


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


STEPS: Table = {"ignored": ignored, "rewritten": rewritten, "cached": cached}
