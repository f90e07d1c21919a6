"""Each write of a run with its response, and what the reads showed until the next write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.written_object import ExpectedObject, FieldComparison, compare_read, expected_of, object_in

REJECTED_WRITES = (Purpose.WRITE, Purpose.INVALID_BODY, Purpose.NO_KEY, Purpose.WRONG_KEY)
"""Purposes of writes that, if rejected, end the record of the write before: later reads show their effect, too."""


@dataclass
class WriteRecord:
    """One write that succeeded.

    `index` is its position among all exchanges. `response` compares the object in its own response, None if that does
    not show the object. `reads` compares the reads after it, by operation and in order, as far as they can show the
    object. `pages` are the pages of its list that were read after it. `before` is the object as last retrieved before
    the write, `after` as last retrieved since, `list_before` the last page of its list before the write.
    """

    operation: Operation
    index: int
    exchange: Exchange
    expected: ExpectedObject
    response: FieldComparison | None
    reads: dict[str, list[FieldComparison]] = field(default_factory=dict)
    pages: list[Exchange] = field(default_factory=list)
    before: Any = None
    after: Any = None
    list_before: Exchange | None = None


@dataclass
class _ResourceState:
    """What was last read of one resource, and its last write."""

    objects: dict[str, Any] = field(default_factory=dict)
    page: Exchange | None = None
    latest: WriteRecord | None = None


def write_history(contract: Contract, exchanges: Sequence[Exchange]) -> Sequence[WriteRecord]:
    """Return the successful writes among `exchanges` in order. A read belongs to the latest write of its resource."""
    return tuple(_records(contract, exchanges))


def _records(contract: Contract, exchanges: Sequence[Exchange]) -> Iterator[WriteRecord]:
    states: dict[str, _ResourceState] = {}
    for index, exchange in enumerate(exchanges):
        operation = contract.operations[exchange.operation]
        state = states.setdefault(operation.resource, _ResourceState())
        if exchange.purpose is Purpose.WRITE and exchange.ok:
            expected = expected_of(contract.write_effects, operation, exchange)
            state.latest = _new_record(operation, index, exchange, expected, state) if expected else None
            if state.latest:
                yield state.latest
        elif not operation.is_read and exchange.purpose in REJECTED_WRITES:
            state.latest = None  # later reads may show the effect of this write
        elif exchange.purpose is Purpose.READ_BACK:
            _add_read(operation, exchange, state)


def _new_record(
    operation: Operation, index: int, exchange: Exchange, expected: ExpectedObject, state: _ResourceState
) -> WriteRecord:
    shown = exchange.json
    is_shown = isinstance(shown, Mapping) and shown.get("id") == expected.id and not expected.is_gone
    return WriteRecord(
        operation,
        index,
        exchange,
        expected,
        expected.compare(shown) if is_shown else None,
        before=state.objects.get(expected.id),
        list_before=state.page,
    )


def _add_read(operation: Operation, exchange: Exchange, state: _ResourceState) -> None:
    record = state.latest
    wanted = exchange.subject_id
    if operation.is_list:
        state.page = exchange
    elif exchange.ok and wanted:
        state.objects[wanted] = exchange.json
    if record is None or (not operation.is_list and wanted != record.expected.id):
        return
    comparison = compare_read(record.expected, operation, exchange)
    if comparison is not None:
        record.reads.setdefault(operation.id, []).append(comparison)
    if operation.is_list:
        record.pages.append(exchange)
    else:
        record.after = object_in(operation, exchange, record.expected.id)
