"""Whether what has to be refused is refused, and as it is documented or declared: sizes, cursors, values, ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Mistake:
    """A kind of mistake: the key of `pages` that declares its status, others that do as well, and words for it."""

    declared: str
    also: tuple[int, ...]
    what: str
    drift_class: str = "D20"
    severity: Severity = Severity.HIGH


MISTAKES: Mapping[Purpose, Mistake] = {
    Purpose.INVALID_SIZE: Mistake("odd_size", (), "a page size that is none is taken for one"),
    Purpose.INVALID_CURSOR: Mistake("bad_cursor", (), "a cursor that the list never gave is taken for its own"),
    Purpose.INVALID_VALUE: Mistake("odd_value", (), "a value that is not documented is let through"),
    Purpose.MISSING_PARAMETER: Mistake(
        "missing_parameter", (), "it answers without a parameter that is required", "D4"
    ),
    Purpose.UNKNOWN_ID: Mistake("unknown_id", (), "it answers for an id that nothing has", severity=Severity.CRITICAL),
    Purpose.MALFORMED_ID: Mistake("unknown_id", (400,), "it answers for what cannot be an id"),
}

BOTH_SIZES = "first and last are both taken, though a page is either at the beginning or at the end"
NOBODY = (Purpose.UNKNOWN_ID, Purpose.MALFORMED_ID)
"""Requests with an id that nothing has."""


def refusals(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold the answer to each deliberate mistake against the declared one. A 5xx is the status check's to report."""
    tally = Tally("refusals")
    for id, exchanges in evidence.by_operation.items():
        asked = [exchange for exchange in exchanges if exchange.purpose in MISTAKES]
        for number, exchange in enumerate(asked):
            found = _judge(contract, contract.operations[id], exchange, evidence.is_still_there(exchange))
            if found:
                drift_class, severity, location, observed, what = found
                tally.add(
                    drift_class,
                    severity,
                    id,
                    location,
                    expected=str(contract.behaviour.pages[MISTAKES[exchange.purpose].declared]),
                    observed=observed,
                    what=what,
                    witness=number,
                    samples=len(asked),
                )
    yield from tally.findings()


def _judge(
    contract: Contract, operation: Operation, exchange: Exchange, is_there: bool
) -> tuple[str, Severity, str, str, str] | None:
    mistake, status = MISTAKES[exchange.purpose], exchange.status or 0
    allowed = (contract.behaviour.pages[mistake.declared], *mistake.also)
    if exchange.ok:
        if operation.is_list and exchange.purpose in NOBODY and not _rows(exchange):
            return "D15", Severity.HIGH, "status", str(status), "an unknown parent is answered as one that has nothing"
        what = BOTH_SIZES if {"first", "last"} <= dict(exchange.query).keys() else mistake.what
        return mistake.drift_class, mistake.severity, _place(operation, exchange), str(status), what
    if 400 <= status < 500 and status not in (*allowed, 429) and (status != 404 or is_there):
        severity = Severity.LOW if status in (400, 403, 404, 422) else Severity.HIGH
        return "D15", severity, "status", str(status), f"a mistake in the request is answered with status {status}"
    if status == 400 and exchange.purpose not in NOBODY:
        return _blame(operation, exchange)
    return None


def _blame(operation: Operation, exchange: Exchange) -> tuple[str, Severity, str, str, str] | None:
    """An error that blames a parameter blames the one at fault."""
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    if isinstance(param, str) and param not in _faulty(operation, exchange):
        return "D15", Severity.LOW, "/error/param", "another one", "an error blames a parameter that is right"
    return None


def _faulty(operation: Operation, exchange: Exchange) -> set[str]:
    names = {name for name, _ in exchange.query}
    if exchange.purpose is Purpose.MISSING_PARAMETER:
        return {parameter.name for parameter in operation.required_query} - names
    if exchange.purpose is Purpose.INVALID_CURSOR:
        return {"after"}
    if exchange.purpose is Purpose.INVALID_SIZE:
        return names & {"first", "last"}
    return names - PAGING - {parameter.name for parameter in operation.required_query}


def _place(operation: Operation, exchange: Exchange) -> str:
    """Where the mistake was."""
    if exchange.path_params and not operation.is_list:
        return "status"
    faulty = [parameter.name for parameter in operation.in_("query") if parameter.name in _faulty(operation, exchange)]
    if exchange.purpose in NOBODY:
        faulty = [parameter.name for parameter in operation.parameters if parameter.required and parameter.resource]
    return f"param:{faulty[0]}" if faulty else "status"


def _rows(exchange: Exchange) -> Any:
    return exchange.json.get("data") if isinstance(exchange.json, dict) else None
