"""Faults in which items filters and searches select, and in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from whopwatch.simulator.api.errors import not_found
from whopwatch.simulator.api.paging import ListOrder, SortKey
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of
from whopwatch.simulator.faults.parameters import Query, as_if, filters_of, location_of, names_of
from whopwatch.simulator.world.tables import Entity


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
        asked = call.query
        call.query = {name: value for name, value in asked.items() if name not in names}
        proceed()
        everything = _pairs(call)
        call.query = asked
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
