"""Faults in parameters that are ignored or misunderstood."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from whopwatch.contract import Parameter
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.declarations import SORT_PARAMETERS
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.world.values import DAY_MS

Query = dict[str, Any]


def filters_of(context: FaultContext, kind: str) -> list[Parameter]:
    """Return the parameters that filter a list, of one kind (a key of FILTER_KINDS)."""
    if not context.operation.is_list:
        return []
    others = PAGING | SORT_PARAMETERS
    return [
        p
        for p in context.operation.in_("query")
        if p.name not in others and setting_of(FILTER_KINDS, "kind", kind)(context, p)
    ]


def schema_of(context: FaultContext, parameter: Parameter) -> Mapping[str, Any]:
    """Return the schema of a parameter's value; for an array, of one value."""
    schema = context.contract.resolve(parameter.schema, context.operation.api)
    return context.contract.resolve(schema.get("items", schema), context.operation.api)


FILTER_KINDS: Mapping[str, Callable[[FaultContext, Parameter], bool]] = {
    "any": lambda context, p: not p.required,
    "enum": lambda context, p: not p.required and "enum" in schema_of(context, p),
    "array": lambda context, p: not p.required and p.is_array,
    "id": lambda context, p: not p.required and p.resource is not None,
    "date": lambda context, p: schema_of(context, p).get("format") == "date-time",
    "flag": lambda context, p: schema_of(context, p).get("type") == "boolean",
    "search": lambda context, p: p.name in ("query", "keyword"),
    "number": lambda context, p: schema_of(context, p).get("type") == "integer",
    "account": lambda context, p: p.resource == context.contract.account.resource and p.required,
    "parent": lambda context, p: p.resource not in (context.contract.account.resource, None) and p.required,
}
"""Kinds of filters."""


def location_of(names: Sequence[str]) -> str:
    """Return the location of findings about one of these parameters."""
    return f"param:{names[0]}" if len(names) == 1 else "param:*"


def names_of(context: FaultContext, names: Sequence[str] | None, filter: str | None) -> list[str]:
    """Return the parameters with these names (none if one is missing), or those of a kind of filter."""
    if filter:
        return [parameter.name for parameter in filters_of(context, filter)]
    found = [name for name in names or () if context.operation.parameter(name)]
    return found if len(found) == len(names or ()) else []


def as_if(call: ApiCall, proceed: Proceed, query: Query) -> None:
    """Run a step as if the query were another one. The cursors remain those of the real query."""
    asked = call.query
    if query != asked and call.page is None and call.order is None:
        proceed()
    cursors = call.cursors
    call.query = query
    proceed()
    call.query = asked
    call.cursors = cursors or call.cursors


def ignore_parameters(
    context: FaultContext, *, names: list[str] | None = None, filter: str | None = None, when: str = "any"
) -> FaultPlan | None:
    """Ignore parameters, by name or by kind of filter; `when` is `any` page or only `later` ones."""
    dropped = names_of(context, names, filter)
    if not dropped:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        meant = {name: value for name, value in call.query.items() if name not in dropped}
        as_if(call, proceed, meant if when == "any" or "after" in call.query else call.query)

    step = "page" if set(dropped) <= PAGING else "act"
    return around(step, changed, location_of(dropped))


def rewrite_query(
    context: FaultContext, *, how: str, setting: Any = None, shown: str | None = None
) -> FaultPlan | None:
    """Treat the request as another one: `how` is a key of REWRITES. `shown` is a field that the items need to have."""
    name, step, rewrite = setting_of(REWRITES, "how", how)
    is_shown = shown is None or (context.view is not None and shown in context.view.node.fields)
    if context.operation.parameter(name) is None or not is_shown:
        return None

    def changed(call: ApiCall, proceed: Proceed) -> None:
        as_if(call, proceed, rewrite(dict(call.query), setting))

    return around(step, changed, f"param:{name}")


def cache_response(context: FaultContext, *, names: list[str]) -> FaultPlan | None:
    """Repeat the first response to requests that differ in these parameters only."""
    kept: dict[str, Any] = {}
    if not context.operation.is_list or not all(map(context.operation.parameter, names)):
        return None

    def remembered(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        rest = {name: value for name, value in call.query.items() if name not in names}
        call.payload = copy.deepcopy(kept.setdefault(repr((call.path, rest)), call.payload))

    return around("project", remembered, location_of(names))


def _put(query: Query, **values: Any) -> Query:
    return {name: value for name, value in {**query, **values}.items() if value is not None}


def _moved(name: str) -> Callable[[Query, Any], Query]:
    """Return a rewrite that makes a date parameter some milliseconds later."""
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
"""The affected parameter, the step that reads it, and the changed query."""


PARAMETER_FAULTS: FaultSteps = {"ignored": ignore_parameters, "rewritten": rewrite_query, "cached": cache_response}
