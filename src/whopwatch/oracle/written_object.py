"""What an object must show after a successful write, and what the reads showed until the next write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import Action, WriteEffects, epoch_seconds
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.page import identity

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


Fields = frozenset[str]
"""JSON pointers into an object; ABSENT means the whole object."""
ABSENT = "absent"
NO_FIELDS: Fields = frozenset()


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """A written object in one response: the fields whose expected value is known, and which of them are wrong."""

    shown: Fields
    wrong: Fields


@dataclass(frozen=True)
class ExpectedObject:
    """What object `id` must show after one write.

    `values` are by field name; `holds` and `lacks` map an array field to an id that it must or must not contain. With
    `is_gone` no response may show the object.
    """

    id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    holds: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    is_gone: bool = False

    def compare(self, actual: Any) -> FieldComparison:
        """Compare `actual`, the object in a response, with what the write makes it."""
        if self.is_gone:
            return FieldComparison(frozenset([ABSENT]), frozenset([ABSENT]))
        is_right = dict(self._compare_fields(actual)) if isinstance(actual, dict) else {}
        fields = frozenset(is_right)
        return FieldComparison(fields | {ABSENT}, frozenset(name for name in fields if not is_right[name]))

    def _compare_fields(self, actual: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
        """Yield each field that shows what was written, and whether it is as expected."""
        for name, value in self.values.items():
            shown_in = field_for(name, value, actual)
            if shown_in:
                yield f"/{shown_in}", _agrees(value, actual[shown_in])
        for name, id in (*self.holds.items(), *self.lacks.items()):
            listed = actual.get(name)
            if isinstance(listed, list):
                yield f"/{name}", (id in _ids(listed)) is (name in self.holds)


def expected_of(
    effects: WriteEffects, operation: Operation, exchange: Exchange, id: str | None = None
) -> ExpectedObject | None:
    """Return what the object of the write `exchange` must show once it is done.

    None if the response has no id, and `id` is not given.
    """
    declared = effects.of_action(operation)
    action = declared or Action()
    given, body = exchange.path_params, exchange.request_body or {}
    answer = exchange.json if isinstance(exchange.json, dict) else {}
    is_new = not given or action.makes or operation.method_name == "create"
    if id is None:
        id = answer.get("id") if is_new else exchange.subject_id
    if not isinstance(id, str) or (is_new and id in given.values()):
        return None  # the response shows no object, or the parent of the new one
    if operation.method == "DELETE":
        return ExpectedObject(id, is_gone=True)
    is_plain = declared is None or action.shows_body
    names = effects.renamed.get(operation.resource, {})
    sent = {names.get(name, name): value for name, value in body.items() if name != "id"} if is_plain else {}
    return ExpectedObject(
        id,
        {**sent, **action.sets},
        {name: body.get(source, "") for name, source in action.adds.items()},
        {name: body.get(source, "") for name, source in action.removes.items()},
    )


def field_for(name: str, value: Any, shown: Mapping[str, Any]) -> str | None:
    """Return the field of `shown` that shows the `value` a body has for `name`, None if there is none."""
    if isinstance(value, dict):
        return name if name == "metadata" and isinstance(shown.get(name), dict | None) and name in shown else None
    if value is None or isinstance(value, list):
        return None
    stem = name.removesuffix("_id")
    if stem != name and isinstance(shown.get(stem), dict):
        return stem if _kind(shown[stem].get("id")) == _kind(value) else None
    return name if name in shown and not isinstance(shown[name], dict | list) else None


def object_in(operation: Operation, exchange: Exchange, id: str) -> Any:
    """Return object `id` of a response, None if it is not there."""
    value = exchange.json if exchange.ok else None
    if not isinstance(value, dict):
        return None
    if not operation.is_list:
        return value
    page = value.get("data")
    items = [item for item in page if isinstance(item, dict)] if isinstance(page, list) else []
    return next((item for item in items if identity(item) == id), None)


def compare_read(expected: ExpectedObject, operation: Operation, exchange: Exchange) -> FieldComparison | None:
    """Compare a read with the write before it; None if the read cannot show the object.

    An object that is not on the first page of a list may be on a later one: such a page shows nothing.
    """
    shown = object_in(operation, exchange, expected.id)
    if shown is not None:
        return expected.compare(shown)
    is_rejected = exchange.status != 404 if not operation.is_list else not exchange.ok
    if is_rejected or (operation.is_list and _has_next_page(exchange) and not expected.is_gone):
        return None
    absent = frozenset([ABSENT])
    return FieldComparison(absent, NO_FIELDS if expected.is_gone else absent)


def _kind(id: Any) -> str:
    """Return the prefix of an id: an account may be shown as the user to whom it belongs."""
    return str(id).rpartition("_")[0]


def _has_next_page(exchange: Exchange) -> bool:
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    return not isinstance(info, dict) or info.get("has_next_page") is not False


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _ids(listed: list[Any]) -> list[Any]:
    return [item.get("id") if isinstance(item, dict) else item for item in listed]


def _agrees(sent: Any, shown: Any) -> bool:
    if sent == "*":
        return shown is not None
    if isinstance(shown, dict) and not isinstance(sent, dict):
        return bool(shown.get("id") == sent)
    if isinstance(sent, dict):
        return isinstance(shown, dict) and sent.items() <= shown.items()
    if isinstance(sent, bool) or isinstance(shown, bool):
        return sent is shown
    if isinstance(sent, int | float) and isinstance(shown, str):  # an amount may be shown as a decimal string
        return _decimal(shown) == Decimal(str(sent))
    if isinstance(sent, str) and isinstance(shown, str) and sent != shown:
        try:
            return epoch_seconds(sent) == epoch_seconds(shown)
        except ValueError:
            return False
    return bool(sent == shown)
