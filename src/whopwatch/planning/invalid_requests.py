"""Requests that the API has to reject, each a modified successful request: no key, unknown id, invalid page size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.behaviour import DATE_TESTS, MALFORMED_ID, PAGING, UNDOCUMENTED_VALUE, Pairs
from whopwatch.core.exchange import Credential, Purpose
from whopwatch.http import Call
from whopwatch.planning.filter_values import nonexistent_id_like
from whopwatch.planning.list_requests import list_call
from whopwatch.planning.state import Experiment, RunState, cursor

INVALID_SIZES: Sequence[Pairs] = (
    (("first", "-1"),),
    (("first", "x"),),
    (("first", "3"), ("last", "2")),
    (("first", "0"),),
    (("last", "0"),),
)
"""The most informative first."""


def rotation(state: RunState, operation: Operation, kind: str) -> int:
    """Return a number that differs between operations and runs, for choices that do not fit into one run."""
    return crc32(f"{operation.id}:{kind}".encode()) + state.seed


def no_key(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request without a key."""
    yield from _with_credential(state, operation, Purpose.NO_KEY, "none")


def wrong_key(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request with a key that does not exist."""
    yield from _with_credential(state, operation, Purpose.WRONG_KEY, "wrong")


def any_error(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request without a valid key, if no 4xx response was seen: it shows the error format.

    Whether no key or a wrong one is sent, rotates.
    """
    traces = state.traces.get(operation.id, ())
    if not any(400 <= (exchange.status or 0) < 500 for _, exchange in traces):
        step = (no_key, wrong_key)[rotation(state, operation, "key") % 2]
        yield from step(state, operation)


def without_scope(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request with a key that has no permission."""
    trace = state.success(operation)
    if trace and state.has_unscoped_key and operation.scopes and not operation.is_public:
        yield replace(trace[0], purpose=Purpose.NO_SCOPE, credential="unscoped")


def unknown_id(state: RunState, operation: Operation) -> Experiment:
    """Request a well-formed id in the path that no object has."""
    if any(operation.in_("path")):
        yield from _other_ids(state, operation, Purpose.UNKNOWN_ID, nonexistent_id_like)


def unknown_parent(state: RunState, operation: Operation) -> Experiment:
    """Request the list of a parent that does not exist."""
    if not any(operation.in_("path")):
        yield from _other_ids(state, operation, Purpose.UNKNOWN_ID, nonexistent_id_like)


def malformed_id(state: RunState, operation: Operation) -> Experiment:
    """Request a malformed id."""
    yield from _other_ids(state, operation, Purpose.MALFORMED_ID, lambda _: MALFORMED_ID)


def missing_parameter(state: RunState, operation: Operation) -> Experiment:
    """Repeat the successful request without its first required parameter."""
    trace = state.success(operation)
    needed = [parameter.name for parameter in operation.required_query]
    if trace and needed:
        rest = tuple(pair for pair in trace[0].query if pair[0] != needed[0])
        yield replace(trace[0], purpose=Purpose.MISSING_PARAMETER, query=rest)


def invalid_size(state: RunState, operation: Operation, which: int) -> Experiment:
    """Request an invalid page size of INVALID_SIZES, of those whose parameters the list has."""
    base = state.base(operation)
    sizes = [pairs for pairs in INVALID_SIZES if all(operation.parameter(name) for name, _ in pairs)]
    if base and which < len(sizes):
        yield from _send_invalid(state, base, replace(list_call(base, sizes[which]), purpose=Purpose.INVALID_SIZE))


def invalid_cursor(state: RunState, operation: Operation, which: int) -> Experiment:
    """Request a cursor that the list never returned: modified, garbage, of another list, truncated or empty."""
    base, page = state.base(operation), state.first_page(operation)
    own = cursor(page[1], "end_cursor") if page else None
    if base and own and operation.parameter("after"):
        cursors = list(_invalid_cursors(state, operation, own))
        call = list_call(base, (("first", "3"), ("after", cursors[which])))
        yield from _send_invalid(state, base, replace(call, purpose=Purpose.INVALID_CURSOR))


def invalid_value(state: RunState, operation: Operation, turns: int = 0, dates: bool | None = None) -> Experiment:
    """Request a filter with an undocumented value. The filter rotates; `dates` selects date filters or all others."""
    base = state.base(operation) if operation.is_list else None
    filters = [f for f in state.rules(operation).filters.values() if f.values or f.test in DATE_TESTS]
    if dates is not None:
        filters = [filter for filter in filters if bool(filter.values) is not dates]
    if base and turns < len(filters):
        chosen = filters[(rotation(state, operation, "value") + turns) % len(filters)]
        yield from _send_invalid(
            state, base, replace(list_call(base, ((chosen.name, UNDOCUMENTED_VALUE),)), purpose=Purpose.INVALID_VALUE)
        )


def _with_credential(state: RunState, operation: Operation, purpose: Purpose, credential: Credential) -> Experiment:
    trace = state.success(operation)
    if trace and not any(call.purpose is purpose for call, _ in state.traces[operation.id]):
        yield replace(trace[0], purpose=purpose, credential=credential)


def _send_invalid(state: RunState, base: Call, call: Call) -> Experiment:
    """Send `call` unless it was sent before; after a 404 send the plain request too, as the parent may be gone."""
    if state.was_sent(call):
        return
    exchange = yield call
    if exchange.status == 404:
        yield base


def _invalid_cursors(state: RunState, operation: Operation, own: str) -> Iterator[str]:
    """Yield five cursors: modified, garbage, of another list (a short piece if there is none), truncated and empty."""
    middle = len(own) // 2
    yield f"{own[:middle]}{'A' if own[middle] != 'A' else 'B'}{own[middle + 1 :]}"
    yield UNDOCUMENTED_VALUE
    yield next((other for other in _foreign_cursors(state, operation) if other and other != own), own[: len(own) // 3])
    yield own[: len(own) // 2]
    yield ""


def _foreign_cursors(state: RunState, operation: Operation) -> Iterator[str | None]:
    """Yield cursors of other lists, and of the same list with filters."""
    yield from (cursor(look.page, "end_cursor") for id, look in state.filtered_pages.items() if id != operation.id)
    pages = (state.first_page(other) for other in state.reads() if other.is_list and other is not operation)
    yield from (cursor(page[1], "end_cursor") for page in pages if page)
    look = state.filtered_pages.get(operation.id)
    if look and look.parameters:
        yield cursor(look.page, "end_cursor")


def _other_ids(state: RunState, operation: Operation, purpose: Purpose, change: object) -> Experiment:
    assert callable(change)
    trace = state.success(operation)
    if trace is None:
        return
    call: Call = trace[0]
    if call.path_params:
        ids = [one.name for one in operation.in_("path") if one.resource and one.name in call.path_params]
        other = {**call.path_params, **{name: change(call.path_params[name]) for name in ids[-1:]}}
        if other != call.path_params:
            yield replace(call, purpose=purpose, path_params=other)
        return
    needed = {parameter.name for parameter in operation.required_query if parameter.resource}
    changed = tuple((n, change(v)) if n in needed else (n, v) for n, v in call.query)
    plain = tuple(pair for pair in changed if pair[0] not in PAGING)
    if needed:
        yield replace(call, purpose=purpose, query=plain)
