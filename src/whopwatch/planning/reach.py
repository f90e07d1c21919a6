"""Reach every operation once: lists first, then the objects that their items lead to, round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from whopwatch.contract import Operation
from whopwatch.contract.behaviour import PAGING
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.planning.ids import MAX_TRIES, ParameterValues, value_combinations
from whopwatch.planning.state import (
    Experiment,
    Plan,
    PlannedExperiment,
    RunState,
    isolated_experiment,
    items,
    rejected_parameter,
)

MAX_REJECTED_IDS = 3
"""404s for ids of one resource, after which an operation is not tried with further ids of it."""
FEW_ITEMS = 12
MORE_PARENTS = 4
"""A list with fewer items shows little of pages and filters; so many other parents are then tried for it."""


def reach_operations(state: RunState) -> Plan:
    """Yield one request for each selected read, and more where a parent has no items or an id gets 404.

    Every round tries each unsatisfied operation once, with the best values seen by then, and operations that can
    provide ids that another operation lacks. In the first round the lists come first, by the number of parents
    that they need, as their items have the ids that the others need. It ends when there is nothing new to try.
    """
    rank = partial(_rank, state)
    wanted = sorted(state.reads(), key=rank)
    others = (operation for operation in state.contract.reads if operation.id not in state.selected)
    helpers = sorted((operation for operation in others if operation.api == "v1"), key=rank)
    progress = is_first_round = True
    while progress:
        progress = False
        lacking = _lacking_resources(state, wanted)
        before = None
        for operation in (*wanted, *helpers):
            stage = rank(operation)[:2] if operation.is_list else None
            if is_first_round and stage != before:
                yield None
            before = stage
            is_due = operation.id in state.selected and operation.id not in state.satisfied
            if is_due or _provides(state, operation, lacking):
                values = next_values(state, operation)
                if values is not None:
                    progress = True
                    state.tried_values.setdefault(operation.id, []).append(values)
                    experiment = request_operation(state, operation, values)
                    isolated = isolated_experiment(state, "request_operation", operation, experiment)
                    yield PlannedExperiment(isolated, operation.resource)
        is_first_round = False
        yield None


def request_operation(state: RunState, operation: Operation, values: ParameterValues) -> Experiment:
    """Send one request of `operation`; if it is rejected, try another documented form of the same request."""
    call = _call(state, operation, values)
    exchange = yield call
    if exchange.status == 404:
        for template in operation.alternate_paths:
            yield _call(state, operation, values, template)
    elif exchange.status == 400 and operation.is_list:
        if rejected_parameter(exchange) == "first":
            yield replace(call, query=tuple(pair for pair in call.query if pair[0] != "first"))
        else:
            yield from _with_optional_ids(state, operation, values)


def lists_of_more_parents(state: RunState, operation: Operation) -> Experiment:
    """Request the lists of other parents, if the fullest list so far has too few items to show much."""
    for _ in range(MORE_PARENTS):
        page = state.first_page(operation)
        values = next_values(state, operation) if page and state.required[operation.id] else None
        if page is None or values is None or len(items(page[1])) >= FEW_ITEMS:
            return
        state.tried_values.setdefault(operation.id, []).append(values)
        yield from request_operation(state, operation, values)


def _with_optional_ids(state: RunState, operation: Operation, values: ParameterValues) -> Experiment:
    """Request the same list with one optional id after the other: the API may require one of them."""
    for parameter in operation.in_("query"):
        candidates = [id for resource in parameter.resources for id in state.pool.candidates(resource)]
        if not parameter.required and candidates:
            exchange: Exchange = yield _call(state, operation, {**values, parameter.name: candidates[0]})
            if exchange.status != 400:
                return


def _call(state: RunState, operation: Operation, values: ParameterValues, template: str | None = None) -> Call:
    """Return the request with `values` in the path where it has a place for them, and in the query otherwise."""
    in_path = [
        parameter.name for parameter in operation.in_("path") if f"{{{parameter.name}}}" in (template or operation.path)
    ]
    query = [(name, value) for name, value in values.items() if name not in in_path]
    if operation.is_list and operation.parameter("first"):
        query.append(("first", str(state.contract.paging(operation).maximum_size)))
    return Call(
        operation,
        Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
        path_params={name: values[name] for name in in_path},
        query=tuple(query),
        template=template,
    )


def next_values(state: RunState, operation: Operation) -> ParameterValues | None:
    """Return the best values for `operation` that were not tried yet; None if no further try is worth a request."""
    done = state.tried_values.get(operation.id, [])
    rejected = _rejected_ids(state, operation)
    if len(done) - rejected.total() >= MAX_TRIES:  # ids that got 404 have a limit of their own
        return None
    for values in _combinations(state, operation):
        resources = {state.pool.resource_of(id) for id in values.values()}
        if values not in done and all(rejected[resource] < MAX_REJECTED_IDS for resource in resources):
            return values
    return None


def _combinations(state: RunState, operation: Operation) -> Iterator[ParameterValues]:
    """Yield values for all required parameters: an id with the object that it was listed below, then any others."""
    required = state.required[operation.id]
    names = {one.parameter.name for one in required}
    for one in required:
        for id in one.candidates(state.pool):
            values = {**state.listed_below.get(id, {}), one.parameter.name: id}
            if len(values) > 1 and values.keys() == names:
                yield values
    for combination in value_combinations(required, state.pool):
        below = [pair for id in combination.values() for pair in state.listed_below.get(id, {}).items()]
        if all(combination.get(name, parent) == parent for name, parent in below):
            yield combination


def _rejected_ids(state: RunState, operation: Operation) -> Counter[str | None]:
    """Return how many ids of each resource got 404, without resources of which an id was accepted once."""
    rejected: Counter[str | None] = Counter()
    accepted = set()
    traces = state.traces.get(operation.id, ())
    if not any(exchange.status == 404 for _, exchange in traces):
        return rejected
    for call, exchange in traces:
        values = [*call.path_params.values(), *(value for name, value in call.query if name not in PAGING)]
        resources = {state.pool.resource_of(value) for value in values}
        if exchange.status == 404:
            rejected.update(resources)
        elif exchange.ok:
            accepted |= resources
    return Counter({resource: count for resource, count in rejected.items() if resource not in accepted})


def _provides(state: RunState, operation: Operation, lacking: set[str]) -> bool:
    """Return whether responses of `operation` contain ids of a lacking resource.

    The list of a resource provides its ids, with another parent if necessary. If the resource has no list, or the list
    needs such an id itself, any operation that mentions such ids is tried again for another object, and so is a list
    whose items name an object of any kind, such as a log of requests.
    """
    if operation.method_name == "list" and operation.resource in lacking:
        return True
    node = schemas_of(state.contract).of(operation)
    mentioned = node.resources - {operation.resource}
    unlisted = {resource for resource in lacking if not _is_listed(state, resource)}
    return bool(unlisted & mentioned) or (bool(unlisted) and operation.is_list and _names_any_object(node))


def _names_any_object(node: SchemaNode) -> bool:
    """Check that the items of a page have the id of an object whose kind the schema leaves open."""
    data = node.fields.get("data")
    named = data.items.fields.get("resource_id") if data and data.items else None
    return named is not None and named.resource is None


def _is_listed(state: RunState, resource: str) -> bool:
    """Return whether `resource` has a list that does not need an id of `resource` itself."""
    required = state.required.get(f"{resource}.list")
    return required is not None and all(resource not in one.resources for one in required)


def _lacking_resources(state: RunState, wanted: list[Operation]) -> set[str]:
    """Return the resources of which more ids are needed: by operations without untried ids, and by their lists."""
    stuck = [operation for operation in wanted if operation.id not in state.satisfied]
    lacking: set[str] = set()
    while stuck:
        stuck = [operation for operation in stuck if next_values(state, operation) is None]
        needed = {one.resources[0] for operation in stuck for one in state.required[operation.id] if one.resources}
        lists = (state.contract.operations.get(f"{resource}.list") for resource in needed - lacking)
        lacking |= needed
        stuck = [operation for operation in lists if operation]
    return lacking


def _rank(state: RunState, operation: Operation) -> tuple[int, int, bool]:
    """Sort lists before objects, lists that need only the account before lists that need a parent, then by money."""
    account = (state.contract.account.resource,)
    parents = sum(bool(one.resources) and one.resources != account for one in state.required[operation.id])
    return (0 if operation.is_list else 1, parents, operation.resource not in state.contract.behaviour.money_path)
