"""Check that a rejected write changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.write_effects import WriteEffects
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity, Source
from whopwatch.core.rule import Rule
from whopwatch.oracle.page import ListPage, identity
from whopwatch.oracle.written_object import expected_of, object_in

UNKNOWN_ID = ""
"""The id of what a rejected creation would have created."""

PERFORMED = Rule(
    "untouched/performed",
    "D20",
    Severity.CRITICAL,
    "no change",
    "the requested change",
    "it is rejected ({status}), but performed",
    Source.LIVE_LIVE,
)


@dataclass(frozen=True, slots=True)
class RejectedWrite:
    """A write that got a 4xx, and its position among all exchanges."""

    operation: Operation
    exchange: Exchange
    index: int


@dataclass
class _KnownState:
    """What is known of one resource.

    `rejected` are the writes since which there was no read. `shown` is what each read (by operation and id) showed
    last, `listed` the ids that lists showed. `returned` are the ids, `performed` the bodies of successful writes.
    """

    rejected: list[RejectedWrite] = field(default_factory=list)
    shown: dict[tuple[str, str], Any] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    performed: list[tuple[str, Any]] = field(default_factory=list)


def rejected_write_has_no_effect(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report rejected writes whose values a read shows for the first time after them, or whose object is gone."""
    resources: dict[str, _KnownState] = {}
    for index, exchange in enumerate(evidence.exchanges):
        operation = contract.operations[exchange.operation]
        state = resources.setdefault(operation.resource, _KnownState())
        if exchange.purpose is Purpose.READ_BACK:
            for rejected in _performed(contract.write_effects, state, operation, exchange):
                findings.report(
                    PERFORMED,
                    rejected.operation.id,
                    "status",
                    sample=rejected.index,
                    exchange=rejected.exchange,
                    samples=1,
                    unit="write",
                    status=rejected.exchange.status,
                )
            _add_read(state, operation, exchange)
        elif not operation.is_read:
            _add_write(state, operation, exchange, index)


def _add_write(state: _KnownState, operation: Operation, exchange: Exchange, index: int) -> None:
    if exchange.ok:
        body = exchange.json
        state.returned.add(str(body.get("id")) if isinstance(body, dict) else UNKNOWN_ID)
        state.performed.append((operation.id, exchange.request_body))
        # A later read of an object shows this write, too: only creations can still be identified.
        state.rejected = [one for one in state.rejected if not one.exchange.path_params]
    elif 400 <= (exchange.status or 0) < 500 and exchange.status != 404:
        state.rejected.append(RejectedWrite(operation, exchange, index))


def _add_read(state: _KnownState, reader: Operation, exchange: Exchange) -> None:
    wanted = exchange.subject_id
    if reader.is_list:
        page = ListPage(exchange)
        state.listed.setdefault(reader.id, set()).update(page.ids)
        state.shown.update({(reader.id, identity(item)): item for item in page.items})
    elif wanted:
        state.shown[reader.id, wanted] = exchange.json if exchange.ok else None


def _performed(
    effects: WriteEffects, state: _KnownState, reader: Operation, exchange: Exchange
) -> Iterator[RejectedWrite]:
    """Yield, and remove from the state, the rejected writes that a read shows as performed."""
    for rejected in list(state.rejected):
        id = next(iter(rejected.exchange.path_params.values()), None)
        if id is None:
            is_performed = reader.is_list and _is_created(effects, state, reader, rejected, exchange)
        else:
            is_performed = _is_changed(effects, state.shown.get((reader.id, id)), rejected, reader, exchange, id)
        if is_performed:
            state.rejected.remove(rejected)
            yield rejected


def _is_changed(
    effects: WriteEffects, before: Any, rejected: RejectedWrite, reader: Operation, exchange: Exchange, id: str
) -> bool:
    now = object_in(reader, exchange, id)
    if not isinstance(before, Mapping):
        return False
    if rejected.operation.method == "DELETE":
        return not reader.is_list and exchange.status == 404
    expected = expected_of(effects, rejected.operation, rejected.exchange, id)
    if not isinstance(now, Mapping) or expected is None:
        return False
    then, after = expected.compare(before), expected.compare(now)
    return bool((then.wrong & after.shown) - after.wrong)


def _is_created(
    effects: WriteEffects, state: _KnownState, reader: Operation, rejected: RejectedWrite, exchange: Exchange
) -> bool:
    """Return whether a list shows a new object with all of a rejected body that no successful write created."""
    if reader.id not in state.listed or (rejected.operation.id, rejected.exchange.request_body) in state.performed:
        return False
    expected = expected_of(effects, rejected.operation, rejected.exchange, UNKNOWN_ID)
    known = state.listed[reader.id] | state.returned
    new = [item for item in ListPage(exchange).items if identity(item) not in known]
    comparisons = [expected.compare(item) for item in new] if expected else []
    return any(len(comparison.shown) > 1 and not comparison.wrong for comparison in comparisons)
