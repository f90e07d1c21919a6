"""Reaching every operation once: lists first, then what their items lead to, round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.planning.ids import MAX_TRIES
from whopwatch.planning.needs import Filling, fillings, sources
from whopwatch.planning.state import Experiment, RunState, items

PAGE_SIZE = 100
"""The largest page that can be counted on: most lists are whole on one."""
MAX_REJECTED_IDS = 3
"""Ids of one resource that may be unknown to an operation before it is asked for no more of them."""


def reach_operations(state: RunState) -> Iterator[Experiment]:
    """One request for each selected read, more where a parent has nothing or an id leads nowhere.

    Every round tries each unsatisfied operation once, with the best values seen by then, and operations that could
    supply what another one lacks. It ends when nothing new can be tried.
    """
    rank = partial(_rank, state)
    wanted = sorted(state.reads(), key=rank)
    others = (operation for operation in state.contract.reads if operation.id not in state.selected)
    helpers = sorted((operation for operation in others if operation.api == "v1"), key=rank)
    progress = True
    while progress:
        progress = False
        lacking = _lacking(state, wanted)
        for operation in (*wanted, *helpers):
            is_due = operation.id in state.selected and operation.id not in state.satisfied
            if is_due or _supplies(state, operation, lacking):
                filling = untried(state, operation)
                if filling is not None:
                    progress = True
                    state.tried_values.setdefault(operation.id, []).append(filling)
                    yield attempt(operation, filling, state)


def attempt(operation: Operation, filling: Filling, state: RunState) -> Experiment:
    """One request of `operation`, and where that is refused, another documented way of asking for the same.

    One that came to no answer is made once more: without any, nothing else can be asked of the operation.
    """
    call = _call(operation, filling)
    exchange = yield call
    if exchange.failure:
        exchange = yield call
    if exchange.status == 404:
        for template in operation.alternate_paths:
            yield _call(operation, filling, template)
    elif exchange.status == 400 and operation.is_list:
        if _blamed(exchange) == "first":
            yield replace(call, query=tuple(pair for pair in call.query if pair[0] != "first"))
        else:
            yield from _narrowed(operation, filling, state)


def _blamed(exchange: Exchange) -> object:
    """The parameter that an error blames."""
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    return error.get("param") if isinstance(error, dict) else None


FEW = 12
MORE_PARENTS = 4
"""Items that tell enough of a list, and other parents that are asked for such a list."""


def fuller_lists(state: RunState, operation: Operation) -> Experiment:
    """Lists of other parents, where the ones seen so far have too few items to tell much of pages and filters."""
    for _ in range(MORE_PARENTS):
        page = state.first_page(operation)
        filling = untried(state, operation) if page and state.needs[operation.id] else None
        if page is None or filling is None or len(items(page[1])) >= FEW:
            return
        state.tried_values.setdefault(operation.id, []).append(filling)
        yield from attempt(operation, filling, state)


def _narrowed(operation: Operation, filling: Filling, state: RunState) -> Experiment:
    """The same list with one optional parameter after the other: the API may ask for one that is not required."""
    for parameter in operation.in_("query"):
        candidates = [id for resource in sources(parameter) for id in state.pool.candidates(resource)]
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


def untried(state: RunState, operation: Operation) -> Filling | None:
    """The best values for `operation` that were not tried yet, as long as trying is worth a request."""
    done = state.tried_values.get(operation.id, [])
    refused = _refused_kinds(state, operation)
    if len(done) - refused.total() >= MAX_TRIES:
        return None
    for filling in fillings(state.needs[operation.id], state.pool):
        kinds = {state.pool.resource_of(id) for id in filling.values()}
        if filling not in done and all(refused[kind] < MAX_REJECTED_IDS for kind in kinds):
            return filling
    return None


def _refused_kinds(state: RunState, operation: Operation) -> Counter[str | None]:
    """How often ids of each resource led to nothing; of a resource that was accepted once, none."""
    refused: Counter[str | None] = Counter()
    accepted = set()
    traces = state.traces.get(operation.id, ())
    if not any(exchange.status == 404 for _, exchange in traces):
        return refused
    for call, exchange in traces:
        values = [*call.path_params.values(), *(value for name, value in call.query if name not in PAGING)]
        kinds = {state.pool.resource_of(value) for value in values}
        if exchange.status == 404:
            refused.update(kinds)
        elif exchange.ok:
            accepted |= kinds
    return Counter({kind: count for kind, count in refused.items() if kind not in accepted})


def _supplies(state: RunState, operation: Operation, lacking: set[str]) -> bool:
    """Whether `operation` is where ids of a resource come from that is lacking.

    Ids come from the list of their resource, asked for another parent if need be. Where there is no list, or none that
    can be asked without such an id, anything that mentions such ids may be asked again for another object.
    """
    if operation.is_list and operation.resource in lacking:
        return True
    mentioned = schemas_of(state.contract).of(operation).resources - {operation.resource}
    return any(resource in mentioned and not _is_listed(state, resource) for resource in lacking)


def _is_listed(state: RunState, resource: str) -> bool:
    """Whether `resource` has a list that can be asked for without an id of `resource` itself."""
    wanted = state.needs.get(f"{resource}.list")
    return wanted is not None and all(resource not in need.resources for need in wanted)


def _lacking(state: RunState, wanted: list[Operation]) -> set[str]:
    """The resources of which another id is needed, for operations that have none left to try, and to get at those."""
    stuck = [operation for operation in wanted if operation.id not in state.satisfied]
    lacking: set[str] = set()
    while stuck:
        stuck = [operation for operation in stuck if untried(state, operation) is None]
        needed = {need.resources[0] for operation in stuck for need in state.needs[operation.id] if need.resources}
        lists = (state.contract.operations.get(f"{resource}.list") for resource in needed - lacking)
        lacking |= needed
        stuck = [operation for operation in lists if operation]
    return lacking


def _rank(state: RunState, operation: Operation) -> tuple[int, int]:
    """Lists before objects; of lists those that need nothing but the company before those that need a parent."""
    parents = sum(need.resources != (state.contract.account.resource,) for need in state.needs[operation.id])
    return (0 if operation.is_list else 1, parents)
