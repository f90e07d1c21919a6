"""Faults in parameters of lists: ignored or misunderstood ones, and which items they select in which order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from whopwatch.contract import Parameter
from whopwatch.contract.behaviour import PAGING
from whopwatch.simulator.api.errors import not_found
from whopwatch.simulator.api.lists import ListOrder, SortKey
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.declarations import SORT_PARAMETERS
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.world.tables import Entity
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
    original = call.query
    if query != original and call.page is None and call.order is None:
        proceed()
    cursors = call.cursors
    call.query = query
    proceed()
    call.query = original
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


def change_selection(context: FaultContext, *, how: str, filter: str = "any") -> FaultPlan | None:
    """Select other items than the filters ask for: `how` is a key of SELECTIONS."""
    names = names_of(context, None, filter)
    if not names:
        return None
    choose = setting_of(SELECTIONS, "how", how)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        if not set(names) & call.query.keys():
            proceed()
            return
        original = call.query
        call.query = {name: value for name, value in original.items() if name not in names}
        proceed()
        everything = _pairs(call)
        call.query = original
        proceed()
        kept = choose(everything, _pairs(call))
        assert call.order is not None
        call.rows = [row for _, row in kept]
        call.order = replace(call.order, keys=[position for position, _ in kept])

    return around("act", changed, location_of(names))


Pairs = list[tuple[SortKey, Entity]]


def _pairs(call: ApiCall) -> Pairs:
    assert call.order is not None
    return list(zip(call.order.keys, call.rows, strict=True))


def _and_one_more(everything: Pairs, kept: Pairs) -> Pairs:
    chosen = {row.id for _, row in kept}
    another = next((row.id for _, row in everything if row.id not in chosen), None)
    return [pair for pair in everything if pair[1].id in chosen or pair[1].id == another]


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
"""`(items without the filter, items with it)` to the listed items."""


def drop_values(context: FaultContext, *, how: str, filter: str = "array") -> FaultPlan | None:
    """Ignore some values of a filter, or some filters: `how` is a key of VALUE_CHANGES."""
    names = names_of(context, None, filter)
    if not names or (how == "one-filter" and len(names) < 2):
        return None
    reduce = setting_of(VALUE_CHANGES, "how", how)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        as_if(call, proceed, reduce(dict(call.query), names))

    return around("act", changed, location_of(names))


def _one_filter(query: Query, names: list[str]) -> Query:
    """Remove the last filter if there are several."""
    sent = [name for name in query if name in names]
    return {name: value for name, value in query.items() if len(sent) < 2 or name != sent[-1]}


VALUE_CHANGES: Mapping[str, Callable[[Query, list[str]], Query]] = {
    "first-value": lambda query, names: {n: v[:1] if n in names else v for n, v in query.items()},
    "last-value": lambda query, names: {n: v[-1:] if n in names else v for n, v in query.items()},
    "one-filter": _one_filter,
}
"""The changed query."""


def narrow_search(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Find less than the documented fields contain: only in `exact` spelling, or only at the `start`."""
    parameters = filters_of(context, "search")
    if not parameters:
        return None
    name = parameters[0].name
    path = next(one.path for one in context.world.views.filters_of(context.operation) if one.parameter.name == name)

    def found(row: Entity, wanted: str) -> bool:
        texts = [str(text) for option in path.split("|") for text in context.world.follow(row, option)]
        if how == "exact":
            return any(wanted in text for text in texts)
        return any(text.casefold().startswith(wanted.casefold()) for text in texts)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if name in call.query and call.order is not None:
            kept = [pair for pair in _pairs(call) if found(pair[1], call.query[name])]
            call.rows = [row for _, row in kept]
            call.order = replace(call.order, keys=[position for position, _ in kept])

    return around("act", changed, f"param:{name}")


def break_order(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Sort wrongly: `how` is a key of ORDER_FAULTS."""
    if context.operation.parameter("order") is None:
        return None
    reorder = setting_of(ORDER_FAULTS, "how", how)

    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if "order" in call.query and call.order is not None:
            kept = reorder(_pairs(call), call.order)
            call.rows = [row for _, row in kept]
            call.order = replace(call.order, keys=[position for position, _ in kept])

    return around("act", changed, "param:order")


def _without_lowest(pairs: Pairs, order: ListOrder) -> Pairs:
    """Remove the items without a sort key; if there are none, the lowest item."""
    keyed = [pair for pair in pairs if pair[0][0] == 1]
    if len(keyed) < len(pairs):
        return keyed
    return pairs[:-1] if order.descending else pairs[1:]


def _as_text(pairs: Pairs, order: ListOrder) -> Pairs:
    texts = [((position[0], str(position[1]), position[2]), row) for position, row in pairs]
    return sorted(texts, key=lambda pair: pair[0], reverse=order.descending)


def _nulls_highest(pairs: Pairs, order: ListOrder) -> Pairs:
    moved = [((position[0] or 2, *position[1:]), row) for position, row in pairs]
    return sorted(moved, key=lambda pair: pair[0], reverse=order.descending)


ORDER_FAULTS: Mapping[str, Callable[[Pairs, ListOrder], Pairs]] = {
    "lossy": _without_lowest,
    "as-text": _as_text,
    "nulls-highest": _nulls_highest,
}


SELECTION_FAULTS: FaultSteps = {
    "selected": change_selection,
    "values": drop_values,
    "search": narrow_search,
    "ordered": break_order,
}
