"""Check that invalid writes are rejected, that valid ones are not, and that a rejected write changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import WriteEffects
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity, Source
from whopwatch.oracle.page import ListPage, identity
from whopwatch.oracle.written_object import expected_of, object_in

KEY_LOCATION = "header:idempotency-key"

INVALID_BODY_ACCEPTED = Rule(
    "write-refusals/invalid-body-accepted", "D11", Severity.MEDIUM, "400", "{status}", "it accepts an invalid body"
)
KEY_REUSED = Rule(
    "write-refusals/key-reused",
    "D20",
    Severity.HIGH,
    "400",
    "{status}",
    "it accepts an Idempotency-Key that was used with another body",
)
DELETED_TWICE = Rule(
    "write-refusals/deleted-twice",
    "D15",
    Severity.MEDIUM,
    "404",
    "{status}",
    "it returns success for the deletion of an object that is already deleted",
    documented=False,
)
REPEATED = Rule(
    "write-refusals/repeated",
    "D20",
    Severity.CRITICAL,
    "the same response",
    "{status}",
    "it performs a request with the same Idempotency-Key again",
)
OPTIONAL_FIELD_REQUIRED = Rule(
    "write-refusals/optional-field-required",
    "D3",
    Severity.CRITICAL,
    "optional",
    "{status}",
    "a field that is documented as optional is required",
)
EXISTING_NOT_FOUND = Rule(
    "write-refusals/existing-not-found",
    "D1",
    Severity.CRITICAL,
    "{success}",
    "{status}",
    "it returns 404, although the object can be read",
)
ACCEPTED_WRITE_RULES: Mapping[Purpose, Rule] = {
    Purpose.INVALID_BODY: INVALID_BODY_ACCEPTED,
    Purpose.OTHER_BODY: KEY_REUSED,
    Purpose.DELETED_AGAIN: DELETED_TWICE,
}
"""The rule that a success response to each purpose breaks."""
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


def invalid_write_accepted(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check invalid bodies, a key used twice, a second deletion; and valid writes that are rejected."""
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        writes = [exchange for exchange in exchanges if not operation.is_read and exchange.credential == "key"]
        for number, exchange in enumerate(writes):
            rule, location = _violation(operation, exchange, writes[:number], evidence) or (None, "")
            if rule:
                findings.report(
                    rule,
                    id,
                    location,
                    sample=number,
                    exchange=exchange,
                    samples=len(writes),
                    unit="write",
                    status=exchange.status,
                    success=operation.success.status,
                )


def _violation(
    operation: Operation, exchange: Exchange, earlier: Sequence[Exchange], evidence: Evidence
) -> tuple[Rule, str] | None:
    """Return the rule that a response breaks, and the location."""
    if exchange.ok:
        rule = _accepted_rule(exchange, earlier, evidence)
        return (rule, KEY_LOCATION if rule in (KEY_REUSED, REPEATED) else "status") if rule else None
    if exchange.purpose is not Purpose.WRITE:
        return None
    if exchange.status == 400:
        name = _required_field(exchange)
        location = f"param:{name}" if name in _documented_fields(operation) else "status"
        return (OPTIONAL_FIELD_REQUIRED, location) if name is not None else None
    if exchange.status == 404 and _exists(exchange, evidence):
        return EXISTING_NOT_FOUND, "status"
    return None


def _accepted_rule(exchange: Exchange, earlier: Sequence[Exchange], evidence: Evidence) -> Rule | None:
    """Return the rule that a success response breaks."""
    if exchange.purpose is Purpose.SAME_KEY:
        # The same key must return the same object: that of the write before it.
        first = next((other for other in reversed(earlier) if other.purpose is Purpose.WRITE and other.ok), None)
        return None if first is None or _identity(first) == _identity(exchange) else REPEATED
    if exchange.purpose is Purpose.DELETED_AGAIN and not _is_deleted(exchange, evidence):
        return None  # the first deletion is at fault
    return ACCEPTED_WRITE_RULES.get(exchange.purpose)


def _identity(exchange: Exchange) -> Any:
    value = exchange.json
    return value["id"] if isinstance(value, dict) and "id" in value else value


def _required_field(exchange: Exchange) -> str | None:
    """Return the field that a 400 requires and that was not sent."""
    error = exchange.error
    name = error.get("param") if error.get("code") == "parameter_missing" else None
    return name if isinstance(name, str) and name not in (exchange.request_body or {}) else None


def _documented_fields(operation: Operation) -> set[str]:
    """Return the names of the fields of a body, including those of its variants."""
    body = operation.body or {}
    return {name for part in (body, *body.get("anyOf", ())) for name in part.get("properties", ())}


def _exists(exchange: Exchange, evidence: Evidence) -> bool:
    """Return whether the object of a write was read earlier in the same run, and no read got a 404."""
    wanted, index = exchange.subject_id, evidence.index(exchange)
    resource = evidence.operation(exchange).resource
    reads = (read for name in ("retrieve", "list") for read in evidence.responses.get(f"{resource}.{name}", ()))
    is_gone = any(
        other.status == 404 and wanted in other.path_params.values() and evidence.index(other) < index
        for other in evidence.by_operation.get(f"{resource}.retrieve", ())
    )
    return not is_gone and any(wanted in read.ids and read.index < index for read in reads)


def _is_deleted(exchange: Exchange, evidence: Evidence) -> bool:
    """Return whether the last read before a second deletion no longer shows the object."""
    wanted, index = exchange.subject_id, evidence.index(exchange)
    resource = evidence.operation(exchange).resource
    reads = [other for name in ("retrieve", "list") for other in evidence.by_operation.get(f"{resource}.{name}", ())]
    latest = [read for read in reads if read.purpose is Purpose.READ_BACK and evidence.index(read) < index][-1:]
    shown = evidence.responses.get(latest[0].operation, ()) if latest else ()
    return not any(success.exchange is latest[0] and wanted in success.ids for success in shown)


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
    elif 400 <= (exchange.status or 0) < 500 and exchange.status != 404:  # a 404 names nothing that could change
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
    # A single equal field may be an accident.
    return any(len(comparison.shown) > 1 and not comparison.wrong for comparison in comparisons)
