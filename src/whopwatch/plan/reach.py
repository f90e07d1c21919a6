"""Reaching every operation once: lists first, then what their items lead to, round by round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial

from whopwatch.client import Call
from whopwatch.contract import Operation
from whopwatch.contract.shape import shapes_of
from whopwatch.exchange import Exchange, Purpose
from whopwatch.plan.known import Experiment, Known, items
from whopwatch.plan.needs import Filling, fillings, missing, sources

PAGE_SIZE = 10
TRIES = 5
"""Parents or ids tried before an empty list or a missing object is accepted as such."""


def reach(known: Known) -> Iterator[Experiment]:
    """One request for each selected read, more where a parent has nothing or an id leads nowhere.

    Every round tries each unsatisfied operation once, with the best values seen by then, and then the operations
    that were not selected but could supply what is missing. It ends when nothing new can be tried.
    """
    rank = partial(_rank, known)
    wanted = sorted(known.reads(), key=rank)
    others = (operation for operation in known.contract.reads if operation.id not in known.selected)
    helpers = sorted((operation for operation in others if operation.api == "v1"), key=rank)
    tried: dict[str, list[Filling]] = defaultdict(list)
    progress = True
    while progress:
        progress = False
        for operation in wanted:
            filling = _next(known, operation, tried)
            if filling is not None:
                progress = True
                yield attempt(operation, filling, known)
        for operation in helpers:
            filling = _next(known, operation, tried) if _supplies(known, operation, wanted) else None
            if filling is not None:
                progress = True
                yield attempt(operation, filling, known)


def attempt(operation: Operation, filling: Filling, known: Known) -> Experiment:
    """One request of `operation`, and where that is refused, another documented way of asking for the same."""
    call = _call(operation, filling)
    exchange = yield call
    if exchange.status == 404:
        for template in operation.alternate_paths:
            yield _call(operation, filling, template)
    elif exchange.status == 400 and operation.is_list:
        yield from _narrowed(operation, filling, known)


def _narrowed(operation: Operation, filling: Filling, known: Known) -> Experiment:
    """The same list with one optional parameter after the other: the API may ask for one that is not required."""
    for parameter in operation.in_("query"):
        candidates = [id for resource in sources(parameter) for id in known.pool.candidates(resource)]
        if not parameter.required and candidates:
            exchange: Exchange = yield _call(operation, {**filling, parameter.name: candidates[0]})
            if exchange.status != 400:
                return


def _call(operation: Operation, filling: Filling, template: str | None = None) -> Call:
    """The request with `filling` where the path has room for it, and in the query where it has none."""
    in_path = {
        parameter.name for parameter in operation.in_("path") if f"{{{parameter.name}}}" in (template or operation.path)
    }
    query = [(name, value) for name, value in filling.items() if name not in in_path]
    if operation.is_list and operation.parameter("first"):
        query.append(("first", str(PAGE_SIZE)))
    return Call(
        operation,
        Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
        path_params={name: filling[name] for name in in_path},
        query=tuple(query),
        template=template,
    )


def _next(known: Known, operation: Operation, tried: Mapping[str, list[Filling]]) -> Filling | None:
    """The best values not tried yet, where another try could show more; they count as tried from here on."""
    done = tried[operation.id]
    if len(done) >= TRIES or (done and not _unsatisfied(known, operation)):
        return None
    filling = next(
        (filling for filling in fillings(known.needs[operation.id], known.pool) if filling not in done), None
    )
    if filling is not None:
        done.append(filling)
    return filling


def _unsatisfied(known: Known, operation: Operation) -> bool:
    """Whether all that was seen are empty lists and objects that are not there."""
    seen = [exchange for _, exchange in known.traces.get(operation.id, ())]
    return all(
        exchange.status == 404 or (exchange.ok and operation.is_list and not items(exchange)) for exchange in seen
    )


def _supplies(known: Known, helper: Operation, wanted: list[Operation]) -> bool:
    """Whether `helper` is where an id comes from that an operation still to be seen has need of."""
    lacking = _lacking(known, wanted)
    reach = shapes_of(known.contract).of(helper).resources()
    own = helper.resource in lacking and helper.is_list
    return own or any(resource in reach and f"{resource}.list" not in known.contract.operations for resource in lacking)


def _lacking(known: Known, wanted: list[Operation]) -> set[str]:
    """The resources no id of which was seen though one is needed, and those needed to get at them."""
    unseen = [operation for operation in wanted if operation.id not in known.traces]
    lacking: set[str] = set()
    while unseen:
        found = {
            resource
            for operation in unseen
            for need in missing(known.needs[operation.id], known.pool)
            for resource in need.resources[:1]
        } - lacking
        lacking |= found
        unseen = [
            known.contract.operations[f"{resource}.list"]
            for resource in found
            if f"{resource}.list" in known.contract.operations
        ]
    return lacking


def _rank(known: Known, operation: Operation) -> tuple[int, int]:
    """Lists before objects; of lists those that need nothing but the company before those that need a parent."""
    parents = sum(need.resources != ("companies",) for need in known.needs[operation.id])
    return (0 if operation.is_list else 1, parents)
