"""Check that invalid requests are rejected as documented or declared: sizes, cursors, values, ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule


def _accepted(name: str, sentence: str, drift_class: str = "D20", severity: Severity = Severity.HIGH) -> Rule:
    return Rule(f"refusals/{name}", drift_class, severity, "{expected}", "{status}", sentence)


class InvalidRequestKind(NamedTuple):
    """A kind of invalid request.

    `declared` is the key of the declared `pages` that has its status, `also` are other statuses that will do.
    `accepted` is the rule that a success response breaks.
    """

    declared: str
    accepted: Rule
    also: tuple[int, ...] = ()


INVALID_REQUEST_KINDS: Mapping[Purpose, InvalidRequestKind] = {
    Purpose.INVALID_SIZE: InvalidRequestKind(
        "odd_size", _accepted("invalid-size-accepted", "it accepts an invalid page size")
    ),
    Purpose.INVALID_CURSOR: InvalidRequestKind(
        "bad_cursor", _accepted("invalid-cursor-accepted", "it accepts a cursor that the list never returned")
    ),
    Purpose.INVALID_VALUE: InvalidRequestKind(
        "odd_value", _accepted("invalid-value-accepted", "it accepts an undocumented parameter value")
    ),
    Purpose.MISSING_PARAMETER: InvalidRequestKind(
        "missing_parameter",
        _accepted("missing-parameter-accepted", "it accepts a request without a required parameter", "D4"),
    ),
    Purpose.UNKNOWN_ID: InvalidRequestKind(
        "unknown_id",
        _accepted(
            "unknown-id-accepted", "it returns success for an id that does not exist", severity=Severity.CRITICAL
        ),
    ),
    Purpose.MALFORMED_ID: InvalidRequestKind(
        "unknown_id", _accepted("malformed-id-accepted", "it returns success for a malformed id"), (400,)
    ),
}
"""What is declared for each purpose of an invalid request."""

BOTH_SIZES_ACCEPTED = _accepted("both-sizes-accepted", "it accepts first and last in one request")
UNKNOWN_PARENT_EMPTY = _accepted(
    "unknown-parent-empty", "it returns an empty list for a parent that does not exist", "D15"
)
OTHER_STATUS = _accepted("other-status", "it rejects an invalid request with status {status}", "D15")
OTHER_CLIENT_ERROR = _accepted(
    "other-client-error", "it rejects an invalid request with status {status}", "D15", Severity.LOW
)
OTHER_PARAMETER_NAMED = Rule(
    "refusals/other-parameter-named",
    "D15",
    Severity.LOW,
    "{expected}",
    "another parameter",
    "an error names a parameter that is valid",
)
NONEXISTENT = (Purpose.UNKNOWN_ID, Purpose.MALFORMED_ID)
"""Requests with an id that does not exist."""


class _RequestViolation(NamedTuple):
    rule: Rule
    location: str


def invalid_request_accepted(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare the response to each invalid request with the declared one. The status check reports a 5xx."""
    for id, exchanges in evidence.by_operation.items():
        invalid = [exchange for exchange in exchanges if exchange.purpose in INVALID_REQUEST_KINDS]
        for number, exchange in enumerate(invalid):
            expected = contract.behaviour.pages[INVALID_REQUEST_KINDS[exchange.purpose].declared]
            violation = _violation(
                contract.operations[id], exchange, expected, is_there=evidence.is_still_there(exchange)
            )
            if violation:
                findings.report(
                    violation.rule,
                    id,
                    violation.location,
                    sample=number,
                    samples=len(invalid),
                    unit="request",
                    expected=expected,
                    status=exchange.status,
                )


def _violation(operation: Operation, exchange: Exchange, expected: int, *, is_there: bool) -> _RequestViolation | None:
    kind, status = INVALID_REQUEST_KINDS[exchange.purpose], exchange.status or 0
    if exchange.ok:
        if operation.is_list and exchange.purpose in NONEXISTENT and not _rows(exchange):
            return _RequestViolation(UNKNOWN_PARENT_EMPTY, "status")
        has_both_sizes = {"first", "last"} <= dict(exchange.query).keys()
        return _RequestViolation(
            BOTH_SIZES_ACCEPTED if has_both_sizes else kind.accepted, _location(operation, exchange)
        )
    if 400 <= status < 500 and status not in (expected, *kind.also, 429) and (status != 404 or is_there):
        return _RequestViolation(OTHER_CLIENT_ERROR if status in (400, 403, 404, 422) else OTHER_STATUS, "status")
    if status == 400 and exchange.purpose not in NONEXISTENT and _names_valid_parameter(operation, exchange):
        return _RequestViolation(OTHER_PARAMETER_NAMED, "/error/param")
    return None


def _names_valid_parameter(operation: Operation, exchange: Exchange) -> bool:
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return isinstance(param, str) and param not in _invalid_parameters(operation, exchange)


def _invalid_parameters(operation: Operation, exchange: Exchange) -> set[str]:
    names = {name for name, _ in exchange.query}
    if exchange.purpose is Purpose.MISSING_PARAMETER:
        return {parameter.name for parameter in operation.required_query} - names
    if exchange.purpose is Purpose.INVALID_CURSOR:
        return {"after"}
    if exchange.purpose is Purpose.INVALID_SIZE:
        return names & {"first", "last"}
    return names - PAGING - {parameter.name for parameter in operation.required_query}


def _location(operation: Operation, exchange: Exchange) -> str:
    """Return the location of what is invalid in the request."""
    if exchange.path_params and not operation.is_list:
        return "status"
    names = _invalid_parameters(operation, exchange)
    invalid = [parameter.name for parameter in operation.in_("query") if parameter.name in names]
    if exchange.purpose in NONEXISTENT:
        invalid = [parameter.name for parameter in operation.parameters if parameter.required and parameter.resource]
    return f"param:{invalid[0]}" if invalid else "status"


def _rows(exchange: Exchange) -> Any:
    return exchange.json.get("data") if isinstance(exchange.json, dict) else None
