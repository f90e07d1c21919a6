"""Requests that have to be refused, each made out of one that was answered: no key, no such id, no such page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import MOMENTS, PAGING, Pairs
from whopwatch.core.exchange import Credential, Purpose
from whopwatch.http import Call
from whopwatch.planning.filter_values import nonexistent_id_like
from whopwatch.planning.list_requests import query
from whopwatch.planning.state import Experiment, RunState, cursor

MALFORMED_ID = "not-an-id!"
UNDOCUMENTED_VALUE = "whopwatch-unknown"
INVALID_SIZES: Sequence[Pairs] = (
    (("first", "-1"),),
    (("first", "x"),),
    (("first", "3"), ("last", "2")),
    (("first", "0"),),
    (("last", "0"),),
)
"""Those that tell most come first."""


def turn(state: RunState, operation: Operation, kind: str) -> int:
    """A number that is another one for each operation and each night: what does not fit into one run, rotates."""
    return crc32(f"{operation.id}:{kind}".encode()) + state.seed


def pick(number: int, turns: int, count: int) -> int:
    """Which of `count` ways is tried at the turn `turns`: at first one of the two that tell most, then the others."""
    first = number % 2
    rest = [place for place in range(count) if place != first]
    return [first, *(rest[(number + step) % len(rest)] for step in range(len(rest)))][turns]


def without_key(state: RunState, operation: Operation, turns: int = 0) -> Experiment:
    """The request that was answered, without a key or with a wrong one; which first, rotates."""
    kinds = (no_key, wrong_key)
    yield from kinds[(turn(state, operation, "key") + turns) % 2](state, operation)


def no_key(state: RunState, operation: Operation) -> Experiment:
    """The request that was answered, without a key."""
    yield from _refused(state, operation, Purpose.NO_KEY, "none")


def wrong_key(state: RunState, operation: Operation) -> Experiment:
    """The request that was answered, with a key that nobody has."""
    yield from _refused(state, operation, Purpose.WRONG_KEY, "wrong")


def any_error(state: RunState, operation: Operation) -> Experiment:
    """The request without a valid key, where nothing was refused yet that would show how errors are told."""
    asked = state.traces.get(operation.id, ())
    if not any(400 <= (exchange.status or 0) < 500 for _, exchange in asked):
        yield from without_key(state, operation)


def without_scope(state: RunState, operation: Operation) -> Experiment:
    """The request that was answered, with a key that may do nothing."""
    trace = state.success(operation)
    if trace and state.has_unscoped_key and operation.scopes and not operation.is_public:
        yield replace(trace[0], purpose=Purpose.NO_SCOPE, credential="unscoped")


def unknown_id(state: RunState, operation: Operation) -> Experiment:
    """An id that is formed as it should be and that nothing has, in the path."""
    if any(operation.in_("path")):
        yield from _other_ids(state, operation, Purpose.UNKNOWN_ID, nonexistent_id_like)


def unknown_parent(state: RunState, operation: Operation) -> Experiment:
    """Such an id as the parent of a list."""
    if not any(operation.in_("path")):
        yield from _other_ids(state, operation, Purpose.UNKNOWN_ID, nonexistent_id_like)


def malformed_id(state: RunState, operation: Operation) -> Experiment:
    """Something that cannot be an id, in the place of one."""
    yield from _other_ids(state, operation, Purpose.MALFORMED_ID, lambda _: MALFORMED_ID)


def missing_parameter(state: RunState, operation: Operation) -> Experiment:
    """The request without the first of its required parameters."""
    trace = state.success(operation)
    needed = [parameter.name for parameter in operation.required_query]
    if trace and needed:
        rest = tuple(pair for pair in trace[0].query if pair[0] != needed[0])
        yield replace(trace[0], purpose=Purpose.MISSING_PARAMETER, query=rest)


def invalid_size(state: RunState, operation: Operation, turns: int = 0, which: int | None = None) -> Experiment:
    """A page size that is none, or both sizes at once; which of them, rotates."""
    base = state.base(operation)
    if base and operation.parameter("first"):
        place = pick(turn(state, operation, "size"), turns, len(INVALID_SIZES)) if which is None else which
        yield from _mistaken(state, base, replace(query(base, INVALID_SIZES[place]), purpose=Purpose.INVALID_SIZE))


def invalid_cursor(state: RunState, operation: Operation, turns: int = 0, which: int | None = None) -> Experiment:
    """A cursor that the list never gave: an altered one, garbage, one of another list, a cut one, none."""
    base, page = state.base(operation), state.first_page(operation)
    own = cursor(page[1], "end_cursor") if page else None
    if base and own and operation.parameter("after"):
        odd = list(_invalid_cursors(state, operation, own))
        place = pick(turn(state, operation, "cursor"), turns, len(odd)) if which is None else which
        asked = query(base, (("first", "3"), ("after", odd[place])))
        yield from _mistaken(state, base, replace(asked, purpose=Purpose.INVALID_CURSOR))


def invalid_value(state: RunState, operation: Operation, turns: int = 0, dates: bool | None = None) -> Experiment:
    """A filter with a value that is not a documented one; which filter, rotates; `dates` narrows it to those or not."""
    base = state.base(operation) if operation.is_list else None
    filters = [f for f in state.rules(operation).filters.values() if f.values or f.test in MOMENTS]
    if dates is not None:
        filters = [filter for filter in filters if bool(filter.values) is not dates]
    if base and turns < len(filters):
        chosen = filters[(turn(state, operation, "value") + turns) % len(filters)]
        yield from _mistaken(
            state, base, replace(query(base, ((chosen.name, UNDOCUMENTED_VALUE),)), purpose=Purpose.INVALID_VALUE)
        )


def _refused(state: RunState, operation: Operation, purpose: Purpose, credential: Credential) -> Experiment:
    trace = state.success(operation)
    if trace and not any(call.purpose is purpose for call, _ in state.traces[operation.id]):
        yield replace(trace[0], purpose=purpose, credential=credential)


def _mistaken(state: RunState, base: Call, call: Call) -> Experiment:
    """`call`, unless it was made; and where it finds nothing the plain request: what it is about may be gone."""
    if state.was_sent(call):
        return
    exchange = yield call
    if exchange.status == 404:
        yield base


def _invalid_cursors(state: RunState, operation: Operation, own: str) -> Iterator[str]:
    middle = len(own) // 2
    yield f"{own[:middle]}{'A' if own[middle] != 'A' else 'B'}{own[middle + 1 :]}"
    yield UNDOCUMENTED_VALUE
    yield next((other for other in _foreign(state, operation) if other and other != own), own[: len(own) // 3])
    yield own[: len(own) // 2]
    yield ""


def _foreign(state: RunState, operation: Operation) -> Iterator[str | None]:
    """Cursors that other lists gave, and the list itself under filters."""
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
        name = list(operation.in_("path"))[-1].name
        name = name if name in call.path_params else next(iter(call.path_params))
        other = {**call.path_params, name: change(call.path_params[name])}
        if other != call.path_params:
            yield replace(call, purpose=purpose, path_params=other)
        return
    needed = {parameter.name for parameter in operation.required_query if parameter.resource}
    changed = tuple((n, change(v)) if n in needed else (n, v) for n, v in call.query)
    plain = tuple(pair for pair in changed if pair[0] not in PAGING)
    if needed:
        yield replace(call, purpose=purpose, query=plain)
