"""Whether writes that break the documentation are refused, and those that keep it are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity

KEY = "header:idempotency-key"


class Judgement(NamedTuple):
    """What is wrong with the answer to one write."""

    drift_class: str
    severity: Severity
    location: str
    expected: str
    what: str


TAKEN = {
    Purpose.INVALID_BODY: Judgement(
        "D11", Severity.MEDIUM, "status", "400", "takes a body that breaks the documentation"
    ),
    Purpose.OTHER_BODY: Judgement(
        "D20", Severity.HIGH, KEY, "400", "takes an Idempotency-Key that was used with another body"
    ),
    Purpose.DELETED_AGAIN: Judgement(
        "D15", Severity.MEDIUM, "status", "404", "answers the deletion of what is not there as if it were done"
    ),
}
"""What has to be refused, and what it means where it is taken."""


def write_refusals(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Odd bodies, a key used twice, a second deletion; and documented writes that are refused."""
    tally = Tally("write-refusals")
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        asked = [exchange for exchange in exchanges if not operation.is_read and exchange.credential == "key"]
        for number, exchange in enumerate(asked):
            judged = _judge(operation, exchange, asked[:number], evidence)
            if judged:
                tally.add(
                    judged.drift_class,
                    judged.severity,
                    id,
                    judged.location,
                    expected=judged.expected,
                    observed=str(exchange.status),
                    what=judged.what,
                    witness=number,
                    samples=len(asked),
                )
    yield from tally.findings()


def _judge(
    operation: Operation, exchange: Exchange, earlier: Sequence[Exchange], evidence: Evidence
) -> Judgement | None:
    if exchange.ok:
        if exchange.purpose is Purpose.SAME_KEY:
            return _carried_out_again(exchange, earlier)
        is_forgotten = exchange.purpose is Purpose.DELETED_AGAIN and not _is_gone(exchange, evidence)
        return None if is_forgotten else TAKEN.get(exchange.purpose)
    if exchange.purpose is not Purpose.WRITE:
        return None
    if exchange.status == 400:
        return _asked_for(operation, exchange)
    if exchange.status == 404 and _is_there(exchange, evidence):
        return Judgement(
            "D1", Severity.CRITICAL, "status", str(operation.success.status), "is not found (404), unlike its object"
        )
    return None


def _carried_out_again(exchange: Exchange, earlier: Sequence[Exchange]) -> Judgement | None:
    """The same key has to give the same object: the one of the write before it."""
    first = next((other for other in reversed(earlier) if other.purpose is Purpose.WRITE and other.ok), None)
    if first is None or _identity(first) == _identity(exchange):
        return None
    return Judgement("D20", Severity.CRITICAL, KEY, "the same answer", "carries a request with the same key out again")


def _identity(exchange: Exchange) -> Any:
    value = exchange.json
    return value["id"] if isinstance(value, dict) and "id" in value else value


def _asked_for(operation: Operation, exchange: Exchange) -> Judgement | None:
    """A 400 that asks for a field which is documented as optional."""
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    name = error.get("param") if isinstance(error, dict) and error.get("code") == "parameter_missing" else None
    if not isinstance(name, str) or name in (exchange.request_body or {}):
        return None
    where = f"param:{name}" if name in _documented(operation) else "status"
    return Judgement("D3", Severity.CRITICAL, where, "optional", "asks for a field that is optional")


def _documented(operation: Operation) -> set[str]:
    """The names of the fields of a body, those of its variants included."""
    body = operation.body or {}
    return {name for part in (body, *body.get("anyOf", ())) for name in part.get("properties", ())}


def _is_there(exchange: Exchange, evidence: Evidence) -> bool:
    """Whether the object of a write was retrieved or listed before it, in the same run, and never not found."""
    wanted, number = next(iter(exchange.path_params.values()), None), evidence.number(exchange)
    resource = evidence.operation(exchange).resource
    reads = (other for name in ("retrieve", "list") for other in evidence.answers.get(f"{resource}.{name}", ()))
    gone = any(
        other.status == 404 and wanted in other.path_params.values() and evidence.number(other) < number
        for other in evidence.by_operation.get(f"{resource}.retrieve", ())
    )
    return not gone and any(wanted in read.ids and read.number < number for read in reads)


def _is_gone(exchange: Exchange, evidence: Evidence) -> bool:
    """Whether no read that could tell still shows what was deleted: else the deletion itself is to blame."""
    wanted, number = next(iter(exchange.path_params.values()), None), evidence.number(exchange)
    resource = evidence.operation(exchange).resource
    reads = [other for name in ("retrieve", "list") for other in evidence.by_operation.get(f"{resource}.{name}", ())]
    latest = [read for read in reads if read.purpose is Purpose.READ_BACK and evidence.number(read) < number][-1:]
    shown = list(evidence.answers.get(latest[0].operation, ())) if latest else []
    return not any(answer.exchange is latest[0] and wanted in answer.ids for answer in shown)
