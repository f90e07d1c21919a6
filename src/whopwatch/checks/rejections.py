"""Check that invalid requests are rejected as documented or declared, and that valid ones are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, scope
from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import PAGING
from whopwatch.contract.operation import Parameter
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity

ACCOUNT_REJECTED = Rule(
    "refused/account-rejected",
    "D25",
    Severity.INFO,
    "a response",
    "{status}",
    "{status} here, although other operations accept this account",
)
KEY_REJECTED_HERE = Rule(
    "refused/key-rejected",
    "D17",
    Severity.INFO,
    "the key is accepted",
    "{status}",
    "{status} here, although this key works for other operations",
)
OPTIONAL_REQUIRED = Rule(
    "refused/optional-parameter-required",
    "D3",
    Severity.CRITICAL,
    "optional",
    "required",
    "the optional parameter {name} is required",
)
UNDOCUMENTED_REQUIRED = Rule(
    "refused/undocumented-parameter-required",
    "D2",
    Severity.CRITICAL,
    "no other required parameter",
    "another required parameter",
    "a parameter that is not documented is required",
)
PARAMETER_REQUIRED = (OPTIONAL_REQUIRED, UNDOCUMENTED_REQUIRED)
VALID_REQUEST_INVALID = Rule(
    "refused/valid-request-invalid",
    "D14",
    Severity.HIGH,
    "{success}",
    "{status}",
    "a documented request is rejected as invalid",
)
BAD_REQUEST = Rule(
    "refused/bad-request",
    "D14",
    Severity.INFO,
    "{success}",
    "{status}",
    "a documented request is rejected (400), or a permission is missing",
)
LIST_NOT_FOUND = Rule(
    "refused/list-not-found", "D1", Severity.CRITICAL, "{success}", "{status}", "the list does not exist (404)"
)
LISTED_NOT_FOUND = Rule(
    "refused/listed-object-not-found",
    "D20",
    Severity.HIGH,
    "{success}",
    "{status}",
    "an object that its list shows is not found (404)",
)


class _Rejection(NamedTuple):
    rule: Rule
    location: str = "status"
    name: str = ""


def valid_request_rejected(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report valid requests that got a 4xx: newly required parameters, missing lists, listed objects that 404."""
    accepted = {pair for exchange in evidence.exchanges if exchange.ok for pair in exchange.query}
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        with_key = [one for one in exchanges if one.credential == "key"]
        valid = [one for one in with_key if one.purpose in (Purpose.LIST, Purpose.RETRIEVE)]
        queries = [one for one in with_key if one.purpose is Purpose.QUERY]
        for number, exchange in enumerate([*valid, *queries]):
            rejection = _missing_parameter(operation, exchange)
            if rejection is None and number < len(valid):
                rejection = _rejection(operation, exchange, valid, accepted, evidence)
            if rejection:
                findings.report(
                    rejection.rule,
                    id,
                    rejection.location,
                    sample=number,
                    exchange=exchange,
                    samples=len(valid) + len(queries) * (rejection.rule in PARAMETER_REQUIRED),
                    unit="request",
                    name=rejection.name,
                    status=exchange.status,
                    success=operation.success.status,
                )


def _rejection(
    operation: Operation,
    exchange: Exchange,
    valid: Sequence[Exchange],
    accepted: set[tuple[str, str]],
    evidence: Evidence,
) -> _Rejection | None:
    """Return what a 4xx to a valid request without filters means, or None."""
    if exchange.status == 400 or is_about_parameter(exchange):
        return _bad_request(operation, exchange, valid)
    if exchange.status in (401, 403, 422) and not any(other.ok for other in valid):
        return _key_rejected(exchange, evidence)
    if exchange.status == 404 and not operation.alternate_paths:  # with two paths, one of them may be gone
        return _no_list(exchange, valid, accepted, evidence) or _no_object(exchange, valid, evidence)
    return None


def is_about_parameter(exchange: Exchange) -> bool:
    """Return whether a 422 is about a parameter: others say that the account must be verified first."""
    error = exchange.error
    is_about = error.get("code") in ("parameter_missing", "parameter_invalid") or isinstance(error.get("param"), str)
    return exchange.status == 422 and is_about


def _missing_parameter(operation: Operation, exchange: Exchange) -> _Rejection | None:
    """Return a rejection if the error says that a parameter is missing, although every required one was sent."""
    error = exchange.error
    if exchange.status not in (400, 422) or error.get("code") != "parameter_missing":
        return None
    named = _named(operation, error)
    if named and named.name not in {name for name, _ in exchange.query} | exchange.path_params.keys():
        return _Rejection(OPTIONAL_REQUIRED, f"param:{named.name}", named.name)
    return _Rejection(UNDOCUMENTED_REQUIRED, f"param:{named.name}" if named else "status")


def _named(operation: Operation, error: Mapping[str, Any]) -> Parameter | None:
    """Return the documented parameter that an error names, or None."""
    return operation.parameter(error["param"]) if isinstance(error.get("param"), str) else None


def _key_rejected(exchange: Exchange, evidence: Evidence) -> _Rejection | None:
    # Only if other operations accept the key, or the account. A permission may be missing, which is no drift yet.
    if len(evidence.responses) < 2:
        return None
    return (
        _Rejection(ACCOUNT_REJECTED)
        if exchange.status == 422
        else _Rejection(KEY_REJECTED_HERE, "header:authorization")
    )


def _bad_request(operation: Operation, exchange: Exchange, valid: Sequence[Exchange]) -> _Rejection | None:
    """Return what a 400 or 422 to a valid request means. A 400 that names nothing may be a missing permission: info."""
    if any(other.ok for other in valid):
        return None
    error = exchange.error
    named = _named(operation, error)
    is_invalid = error.get("code") == "parameter_invalid" or exchange.status == 422
    location = f"param:{named.name}" if named else "status"
    return _Rejection(VALID_REQUEST_INVALID, location) if is_invalid else _Rejection(BAD_REQUEST)


def _no_list(
    exchange: Exchange, valid: Sequence[Exchange], accepted: set[tuple[str, str]], evidence: Evidence
) -> _Rejection | None:
    """Return a rejection if a list is not found although its parameters are listed, or accepted elsewhere."""
    operation = evidence.operation(exchange)
    pairs = {pair for pair in exchange.query if pair[0] not in PAGING}
    # A 404 may be about the parent in the path, or about an id in the query that does not exist, or no longer.
    listed = {pair: _is_listed(operation, *pair, evidence) for pair in pairs}
    is_unknown = any(known is False or (known is None and pair not in accepted) for pair, known in listed.items())
    if "{" in operation.path or any(other.ok for other in valid) or is_unknown:
        return None
    return _Rejection(LIST_NOT_FOUND)


def _is_listed(operation: Operation, name: str, value: str, evidence: Evidence) -> bool | None:
    """Return whether the list of an id with the documented prefix still shows it; None if that is not known."""
    parameter = operation.parameter(name)
    if parameter is None or parameter.resource is None:
        return None
    if parameter.id_prefixes and not value.startswith(parameter.id_prefixes):
        return None
    return evidence.is_listed(parameter.resource, value)


def _is_still_listed(exchange: Exchange, evidence: Evidence) -> bool:
    """Return whether the list shows the object of a request: after the request, or else when last requested."""
    wanted, index = exchange.path_params.get("id", ""), evidence.index(exchange)
    pages = evidence.responses.get(f"{evidence.operation(exchange).resource}.list", ())
    scopes = {scope(page.exchange) for page in pages if wanted in page.ids}
    plain = [page for page in pages if page.exchange.purpose is Purpose.LIST and scope(page.exchange) in scopes]
    later = [page for page in plain if page.index > index]
    if later:
        return any(wanted in page.ids for page in later)
    return evidence.is_listed(evidence.operation(exchange).resource, wanted) is True


def _no_object(exchange: Exchange, valid: Sequence[Exchange], evidence: Evidence) -> _Rejection | None:
    """Return a rejection if an object that its list shows is not found, up to the last request for it."""
    operation = evidence.operation(exchange)
    is_listed = _is_still_listed(exchange, evidence)
    last = [other for other in valid if other.path_params == exchange.path_params][-1]
    if operation.is_list or not is_listed or last.status != 404:
        return None
    if len(exchange.path_params) > 1 and any(other.ok for other in valid):
        return None  # the object of another parameter may be gone
    return _Rejection(LISTED_NOT_FOUND)


def _accepted(
    name: str,
    sentence: str,
    drift_class: str = "D20",
    severity: Severity = Severity.HIGH,
    *,
    documented: bool = True,
) -> Rule:
    return Rule(f"refusals/{name}", drift_class, severity, "{expected}", "{status}", sentence, documented=documented)


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
        "odd_size", _accepted("invalid-size-accepted", "it accepts an invalid page size", documented=False)
    ),
    Purpose.INVALID_CURSOR: InvalidRequestKind(
        "bad_cursor",
        _accepted("invalid-cursor-accepted", "it accepts a cursor that the list never returned", documented=False),
    ),
    Purpose.INVALID_VALUE: InvalidRequestKind(
        "odd_value",
        _accepted("invalid-value-accepted", "it accepts an undocumented parameter value", documented=False),
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

BOTH_SIZES_ACCEPTED = _accepted("both-sizes-accepted", "it accepts first and last in one request", documented=False)
UNKNOWN_PARENT_EMPTY = _accepted(
    "unknown-parent-empty", "it returns an empty list for a parent that does not exist", "D15", documented=False
)
OTHER_STATUS = _accepted("other-status", "it rejects an invalid request with status {status}", "D15")
OTHER_UNSTATED_STATUS: Mapping[Purpose, Rule] = {
    purpose: _accepted(
        f"other-status-{purpose}", "it rejects an invalid request with status {status}", "D15", documented=False
    )
    for purpose, kind in INVALID_REQUEST_KINDS.items()
    if not kind.accepted.documented
}
"""The same for each purpose that no source says is rejected."""
OTHER_CLIENT_ERROR: Mapping[Purpose, Rule] = {
    purpose: _accepted(
        f"other-client-error-{purpose}",
        "it rejects an invalid request with status {status}",
        "D15",
        Severity.LOW,
        documented=False,
    )
    for purpose in INVALID_REQUEST_KINDS
}
"""The rule for each purpose: no source states which of the usual statuses an invalid request gets."""
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
            for rule in _met_rules(contract.operations[id], exchange, expected):
                findings.meets(rule, id)
            if violation:
                findings.report(
                    violation.rule,
                    id,
                    violation.location,
                    sample=number,
                    exchange=exchange,
                    samples=len(invalid),
                    unit="request",
                    expected=expected,
                    status=exchange.status,
                )


def _met_rules(operation: Operation, exchange: Exchange, expected: int) -> tuple[Rule, ...]:
    """Return the undocumented rules that the response to an invalid request meets: it has the declared status."""
    if exchange.status != expected:
        return ()
    purpose = exchange.purpose
    rules = [_accepted_rule(exchange), OTHER_CLIENT_ERROR[purpose], OTHER_UNSTATED_STATUS.get(purpose, OTHER_STATUS)]
    if operation.is_list and purpose in NONEXISTENT:
        rules.append(UNKNOWN_PARENT_EMPTY)
    return tuple(rule for rule in rules if not rule.documented)


def _accepted_rule(exchange: Exchange) -> Rule:
    """Return the rule that a success response to an invalid request breaks."""
    has_both_sizes = {"first", "last"} <= dict(exchange.query).keys()
    return BOTH_SIZES_ACCEPTED if has_both_sizes else INVALID_REQUEST_KINDS[exchange.purpose].accepted


def _violation(operation: Operation, exchange: Exchange, expected: int, *, is_there: bool) -> _RequestViolation | None:
    kind, status = INVALID_REQUEST_KINDS[exchange.purpose], exchange.status or 0
    if exchange.ok:
        if operation.is_list and exchange.purpose in NONEXISTENT and not _rows(exchange):
            return _RequestViolation(UNKNOWN_PARENT_EMPTY, "status")
        return _RequestViolation(_accepted_rule(exchange), _location(operation, exchange))
    # An object that was deleted meanwhile gets a 404, whatever else is invalid. 429 is about the rate.
    if 400 <= status < 500 and status not in (expected, *kind.also, 429) and (status != 404 or is_there):
        other = OTHER_UNSTATED_STATUS.get(exchange.purpose, OTHER_STATUS)
        return _RequestViolation(
            OTHER_CLIENT_ERROR[exchange.purpose] if status in (400, 403, 404, 422) else other, "status"
        )
    if status == 400 and exchange.purpose not in NONEXISTENT and _names_valid_parameter(operation, exchange):
        return _RequestViolation(OTHER_PARAMETER_NAMED, "/error/param")
    return None


def _names_valid_parameter(operation: Operation, exchange: Exchange) -> bool:
    param = exchange.error.get("param")
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
