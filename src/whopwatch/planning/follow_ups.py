"""Experiments on what was reached: further objects, another parent's list, expanded fields, and repeated requests."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice
from types import MappingProxyType
from typing import Any

from whopwatch.contract import Operation
from whopwatch.contract.schema import pointer_of
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.http.call import is_usable
from whopwatch.oracle.documented_fields import EXPAND, MIN_OBJECTS, deprecated_properties, expandable
from whopwatch.planning.list_requests import remaining_pages
from whopwatch.planning.reach import next_values, request_operation
from whopwatch.planning.state import Experiment, RunState, Trace, features, items, own_ids, own_objects

OBJECTS_PER_TURN = 2
"""Objects that one experiment retrieves in addition."""
DEVIATING_OBJECTS = 2
"""Objects of an operation that are retrieved because their list items break the contract."""
DRIFTED_OBJECTS = 16
"""Objects at most that are retrieved because objects of the operation break the contract."""
WITHOUT_NEWS = 6
"""Of these, objects in a row that break it nowhere else, after which no further one is retrieved."""
CHOICE = 12
"""Candidates among which the next object is chosen."""
REPEATED_OPERATIONS = 20
REPEATED_CALLS = 12
"""Operations, and requests of each, that are repeated at most."""


# Further objects: a rare property shows in one of many


def another_object(state: RunState, operation: Operation) -> Experiment:
    """Retrieve one more object: the one whose list item has most that the retrieved objects lack."""
    yield from _objects(state, operation, 1)


def more_objects(state: RunState, operation: Operation) -> Experiment:
    """Retrieve further objects, the most different first."""
    yield from _objects(state, operation, OBJECTS_PER_TURN)


def enough_objects(state: RunState, operation: Operation) -> Experiment:
    """Retrieve further objects, until a deprecated property that none of them has can be called removed."""
    if deprecated_properties(state.contract, operation.id):
        plain, retrieved, left = _retrievable(state, operation)
        for id in left[: max(0, MIN_OBJECTS - len(retrieved))] if plain else ():
            yield _with_id(plain, id)


def deviating_objects(state: RunState, operation: Operation) -> Experiment:
    """Retrieve objects whose list items break the contract: a value that few objects have may be undocumented here."""
    plain, retrieved, _ = _retrievable(state, operation)
    if plain is None or operation.resource not in state.required[operation.id][0].resources:
        return
    chosen: dict[str, str] = {}
    for id, locations in _deviating_items(state, operation).items():
        if id not in retrieved:
            chosen.update((location, id) for location in locations if location not in chosen)
    for id in list(dict.fromkeys(chosen.values()))[:DEVIATING_OBJECTS]:
        yield _with_id(plain, id)


def _deviating_items(state: RunState, operation: Operation) -> Mapping[str, set[str]]:
    """Return where list items of the same resource break their schema, by id."""
    found: dict[str, set[str]] = {}
    for page, exchange in _pages(state, operation):
        for location, index in _deviations(state, page.operation, exchange):
            item = items(exchange)[index] if index < len(items(exchange)) else None
            id = item.get("id") if isinstance(item, dict) else None
            if isinstance(id, str) and is_usable(id):
                found.setdefault(id, set()).add(location)
    return found


def _deviations(state: RunState, operation: Operation, page: Exchange) -> Iterator[tuple[str, int]]:
    """Yield where items of a list page break their schema, each with the index of the item."""
    validator = state.contract.validator(operation.success.pointer, operation.api)
    if operation.success.schema is None or validator.is_valid(page.json):
        return
    node = schemas_of(state.contract).of(operation)
    for violation in validator.violations(node.to_explain(page.json)):
        index = next((step for step in violation.path if isinstance(step, int)), None)
        if index is not None:
            yield violation.location, index


def drifted_objects(state: RunState, operation: Operation) -> Experiment:
    """Retrieve further objects while they break the contract in new places.

    Which deviations an object shows depends on its variant and its state, and few objects were retrieved so far. If
    these match the contract, no request is sent.
    """
    plain, retrieved, left = _retrievable(state, operation)
    traces = state.traces.get(operation.id, ()) if plain else ()
    seen = {one for _, exchange in traces if exchange.ok for one in _broken(state, operation, exchange.json)}
    if not seen:
        return
    without_news = 0
    deviating = _deviating_items(state, operation)
    for id in islice(_most_different(_listed(state, operation), retrieved, left, deviating), DRIFTED_OBJECTS):
        exchange: Exchange = yield _with_id(plain, id)
        found = _broken(state, operation, exchange.json) if exchange.ok else set()
        without_news = without_news + 1 if found <= seen else 0
        seen |= found
        if without_news == WITHOUT_NEWS:
            return


def _broken(state: RunState, operation: Operation, value: Any) -> set[tuple[str, str]]:
    """Return the places in which a response breaks the contract, and how; undocumented fields are among them."""
    validator = state.contract.validator(operation.success.pointer, operation.api)
    if operation.success.schema is None or validator.is_exact(value):
        return set()
    node = schemas_of(state.contract).of(operation)
    undocumented = {(pointer_of(path), "undocumented") for path, _ in node.undocumented(value)}
    return undocumented | {(one.location, one.kind) for one in validator.violations(node.to_explain(value))}


def _objects(state: RunState, operation: Operation, count: int) -> Experiment:
    plain, retrieved, left = _retrievable(state, operation)
    if plain is None:
        return
    listed = _listed(state, operation)
    for id in islice(_most_different(listed, retrieved, left[:CHOICE]), count):
        yield from _retrieve(state, _with_id(plain, id), id, listed.get(id))


def _most_different(
    listed: Mapping[str | None, Any],
    retrieved: Iterable[str | None],
    left: Iterable[str],
    deviating: Mapping[str, set[str]] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield the ids in `left`, each time the one whose list item has most that those before it lack.

    Items that are `deviating` in other places than those before them come first.
    """
    shown = {id: features(listed.get(id)) for id in (*left, *retrieved)}
    seen = {trait for id in retrieved for trait in shown[id]}
    places = {location for id in retrieved for location in deviating.get(id or "", ())}
    remaining = list(left)
    while remaining:
        id = max(remaining, key=lambda one: (len(deviating.get(one, set()) - places), len(shown[one] - seen)))
        remaining.remove(id)
        seen |= shown[id]
        places |= deviating.get(id, set())
        yield id


def _retrieve(state: RunState, call: Call, id: str, item: Any) -> Experiment:
    """Retrieve an object; if it differs from its list item, read both again, as it may have changed meanwhile."""
    exchange = yield call
    pages = (page for page, found in _pages(state, call.operation) if id in own_ids(page.operation, found.json))
    page = next(pages, None)
    if page and (exchange.status == 404 or _differ(item, exchange.json)):
        now = yield page
        if id in own_ids(page.operation, now.json):
            yield call
            yield page


def _retrievable(state: RunState, operation: Operation) -> tuple[Call | None, set[str | None], list[str]]:
    """Return a successful request of an object, the ids retrieved so far and the ids left; None for other operations.

    Only an operation with one required parameter, in its path, qualifies.
    """
    trace = state.success(operation)
    required = state.required[operation.id]
    if trace is None or operation.is_list or len(required) != 1:
        return None, set(), []
    name = required[0].parameter.name
    if name not in trace[0].path_params:
        return None, set(), []
    retrieved = {call.path_params.get(name) for call, _ in state.traces[operation.id]}
    return trace[0], retrieved, [id for id in required[0].candidates(state.pool) if id not in retrieved]


def _with_id(plain: Call | None, id: str) -> Call:
    assert plain is not None
    return replace(plain, purpose=Purpose.RETRIEVE, path_params=dict.fromkeys(plain.path_params, id))


def _differ(item: Any, value: Any) -> bool:
    """Return whether an object and its list item differ in a field of the first level."""
    if not isinstance(item, dict) or not isinstance(value, dict):
        return False
    return any(item[name] != value[name] for name in item.keys() & value.keys())


def _listed(state: RunState, operation: Operation) -> Mapping[str | None, Any]:
    """Return the list items of the same resource by id."""
    return {
        id: item
        for page, exchange in _pages(state, operation)
        for id, item in own_objects(page.operation, exchange.json)
    }


def _pages(state: RunState, operation: Operation) -> list[Trace]:
    traces = state.traces.get(f"{operation.resource}.list", ())
    return [trace for trace in traces if trace[0].purpose is Purpose.LIST and items(trace[1])]


# Another parent


def second_parent(state: RunState, operation: Operation) -> Experiment:
    """Read the whole list of a second parent, if one parent had items: the two lists have to differ."""
    required = [one for one in state.required[operation.id] if one.resources != (state.contract.account.resource,)]
    if not (operation.is_list and required and state.first_page(operation)):
        return
    full = [call for call, exchange in state.traces[operation.id] if call.credential == "key" and items(exchange)]
    # The parent is in the path, or the first pair of the query.
    if len({(tuple(call.path_params.items()), call.query[:1]) for call in full}) > 1:
        return
    values = next_values(state, operation)
    if values is not None:
        state.tried_values.setdefault(operation.id, []).append(values)
        yield from request_operation(state, operation, values)
        call, page = state.traces[operation.id][-1]
        yield from remaining_pages(call, page, state.page_limit)


# Expanded fields


def expansions(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request with the most expandable fields, once for each combination of `expand[]`."""
    names = expandable(state.contract, operation)
    trace = max(_unexpanded(state, operation), key=lambda one: len(_filled(one[1].json, names)), default=None)
    if trace and names:
        for chosen in _combinations(names):
            pairs = tuple((EXPAND, name) for name in chosen)
            yield replace(trace[0], purpose=Purpose.RETRIEVE, query=(*trace[0].query, *pairs))
        yield trace[0]  # Later experiments modify the last success, which must expand nothing.


def _unexpanded(state: RunState, operation: Operation) -> Iterator[Trace]:
    for call, exchange in state.traces.get(operation.id, ()):
        if exchange.ok and exchange.credential == "key" and not any(name == EXPAND for name, _ in call.query):
            yield call, exchange


def _filled(value: Any, names: tuple[str, ...]) -> list[str]:
    """Return the fields with a value: a field that is null shows nothing when it is expanded."""
    return [name for name in names if isinstance(value, dict) and value.get(name) is not None]


def _combinations(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (chosen for count in range(1, len(names) + 1) for chosen in combinations(names, count))


# Repeated requests: a finding that is based on one response is checked with a second one


def repeat_suspected(state: RunState, suspects: Collection[str]) -> Iterator[Experiment]:
    """Yield the requests of each suspected operation again, in their order; for an object also its list page.

    Requests with filters are left out: `confirm_deviation` repeats those at once.
    """
    for id in sorted(suspects)[:REPEATED_OPERATIONS]:
        calls = [call for call in state.calls(id) if call.purpose is not Purpose.QUERY][:REPEATED_CALLS]
        with state.isolated("repeat_suspected", state.contract.operations.get(id)):
            calls += _pages_with(state, calls)
        yield repeat_calls(calls)


def _pages_with(state: RunState, calls: Sequence[Call]) -> list[Call]:
    """Return the requests of the list pages that contain the objects which `calls` request."""
    pages: list[Call] = []
    for call in calls:
        listing = state.contract.operations.get(f"{call.operation.resource}.list")
        wanted = call.path_params.get("id")
        if listing and wanted and not call.operation.is_list:
            traces = state.traces.get(listing.id, ())
            pages += [page for page, exchange in traces if wanted in own_ids(listing, exchange.json)][:1]
    return pages


def repeat_calls(calls: Sequence[Call]) -> Experiment:
    """Send `calls`, one after the other."""
    for call in calls:  # noqa: UP028 (`yield from` would send the responses to a list)
        yield call
