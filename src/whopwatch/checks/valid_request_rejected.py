"""Check that valid requests are not rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, scope
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule

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
        valid = [
            one for one in exchanges if one.purpose in (Purpose.LIST, Purpose.RETRIEVE) and one.credential == "key"
        ]
        for number, exchange in enumerate(valid):
            rejection = None
            if exchange.status == 400:
                rejection = _bad_request(operation, exchange, valid)
            elif exchange.status in (401, 403, 422) and not any(other.ok for other in valid):
                rejection = _key_rejected(exchange, evidence)
            elif exchange.status == 404 and not operation.alternate_paths:
                rejection = _no_list(exchange, valid, accepted, evidence) or _no_object(exchange, valid, evidence)
            if rejection:
                findings.report(
                    rejection.rule,
                    id,
                    rejection.location,
                    sample=number,
                    exchange=exchange,
                    samples=len(valid),
                    unit="request",
                    name=rejection.name,
                    status=exchange.status,
                    success=operation.success.status,
                )


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
    """Return what a 400 to a valid request means. One that names nothing may be a missing permission: info only."""
    error = _error(exchange)
    named = operation.parameter(error["param"]) if isinstance(error.get("param"), str) else None
    location = f"param:{named.name}" if named else "status"
    is_accepted = any(other.ok for other in valid)
    if error.get("code") == "parameter_missing":
        sent = {name for name, _ in exchange.query} | exchange.path_params.keys()
        if named and named.name not in sent:
            return _Rejection(OPTIONAL_REQUIRED, location, named.name)
        return _Rejection(UNDOCUMENTED_REQUIRED, location)
    if is_accepted:
        return None
    return (
        _Rejection(VALID_REQUEST_INVALID, location)
        if error.get("code") == "parameter_invalid"
        else _Rejection(BAD_REQUEST)
    )


def _no_list(
    exchange: Exchange, valid: Sequence[Exchange], accepted: set[tuple[str, str]], evidence: Evidence
) -> _Rejection | None:
    """Return a rejection if a list is not found although its parameters are listed, or accepted elsewhere."""
    operation = evidence.operation(exchange)
    pairs = {pair for pair in exchange.query if pair[0] not in PAGING} - accepted
    is_unknown = any(not _is_listed(operation, name, value, evidence) for name, value in pairs)
    if "{" in operation.path or any(other.ok for other in valid) or is_unknown:
        return None
    return _Rejection(LIST_NOT_FOUND)


def _is_listed(operation: Operation, name: str, value: str, evidence: Evidence) -> bool:
    """Return whether an id is one that its list shows, with the documented prefix."""
    parameter = operation.parameter(name)
    if parameter and parameter.id_prefixes and not value.startswith(parameter.id_prefixes):
        return False
    listed = evidence.responses.get(f"{parameter.resource}.list", ()) if parameter else ()
    return any(value in success.ids for success in listed)


def _is_still_listed(exchange: Exchange, evidence: Evidence) -> bool:
    """Return whether the list shows the object of a request: the list after the request if there is one."""
    wanted, index = exchange.path_params.get("id", ""), evidence.index(exchange)
    pages = evidence.responses.get(f"{evidence.operation(exchange).resource}.list", ())
    scopes = {scope(page.exchange) for page in pages if wanted in page.ids}
    plain = [page for page in pages if page.exchange.purpose is Purpose.LIST and scope(page.exchange) in scopes]
    later = [page for page in plain if page.index > index]
    return any(wanted in page.ids for page in later or plain)


def _no_object(exchange: Exchange, valid: Sequence[Exchange], evidence: Evidence) -> _Rejection | None:
    """Return a rejection if an object that its list shows is not found, up to the last request for it."""
    operation = evidence.operation(exchange)
    is_listed = _is_still_listed(exchange, evidence)
    last = [other for other in valid if other.path_params == exchange.path_params][-1]
    if operation.is_list or not is_listed or last.status != 404:
        return None
    return _Rejection(LISTED_NOT_FOUND)


def _error(exchange: Exchange) -> Mapping[str, Any]:
    body = exchange.json
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
