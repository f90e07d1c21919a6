"""Requests that keep the documentation and are refused all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whopwatch.checks.evidence import Evidence, scope
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import PAGING
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity

FIRST_STEPS = (Purpose.LIST, Purpose.RETRIEVE)


@dataclass(frozen=True, slots=True)
class _Refusal:
    drift_class: str
    severity: Severity
    location: str
    expected: str
    observed: str
    what: str


def refused(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Parameters asked for that are optional, lists that are gone, objects that their list names in vain."""
    tally = Tally("refused")
    accepted = {pair for exchange in evidence.exchanges if exchange.ok for pair in exchange.query}
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        asked = [exchange for exchange in exchanges if _is_plain_request(exchange)]
        for number, exchange in enumerate(asked):
            refusal = None
            if exchange.status == 400:
                refusal = _bad_request(operation, exchange, asked)
            elif exchange.status in (401, 403, 422) and not any(other.ok for other in asked):
                refusal = _key_refused(exchange, evidence)
            elif exchange.status == 404 and not operation.alternate_paths:
                refusal = _no_list(exchange, asked, accepted, evidence) or _no_object(exchange, asked, evidence)
            if refusal:
                tally.add(
                    refusal.drift_class,
                    refusal.severity,
                    id,
                    refusal.location,
                    expected=refusal.expected,
                    observed=refusal.observed,
                    what=refusal.what,
                    witness=number,
                    samples=len(asked),
                )
    yield from tally.findings()


def _is_plain_request(exchange: Exchange) -> bool:
    return exchange.purpose in FIRST_STEPS and exchange.credential == "key"


def _key_refused(exchange: Exchange, evidence: Evidence) -> _Refusal | None:
    """A refusal of the key, or the account, that other operations take: a permission may be missing, no drift yet."""
    if len(evidence.answers) < 2:
        return None
    status = str(exchange.status)
    if exchange.status == 422:
        return _Refusal("D25", Severity.INFO, "status", "an answer", status, "the account is refused (422) here alone")
    what = f"the key that other operations take is refused ({status})"
    return _Refusal("D17", Severity.INFO, "header:authorization", "the key", status, what)


def _bad_request(operation: Operation, exchange: Exchange, asked: Sequence[Exchange]) -> _Refusal | None:
    """A 400 that blames the request. One that blames nothing may be a missing permission, and is left alone."""
    error = _error(exchange)
    blamed = operation.parameter(error["param"]) if isinstance(error.get("param"), str) else None
    where = f"param:{blamed.name}" if blamed else "status"
    if error.get("code") == "parameter_missing":
        sent = {name for name, _ in exchange.query} | exchange.path_params.keys()
        if blamed and blamed.name not in sent:
            what = f"the optional parameter {blamed.name} is asked for"
            return _Refusal("D3", Severity.CRITICAL, where, "optional", "required", what)
        what = "a parameter is asked for that is not documented"
        return _Refusal("D2", Severity.CRITICAL, where, "no other required parameter", "another one", what)
    if error.get("code") == "parameter_invalid" and not any(other.ok for other in asked):
        what = "a request that keeps the documentation is refused as invalid"
        return _Refusal("D14", Severity.HIGH, where, str(operation.success.status), "400", what)
    if not any(other.ok for other in asked):
        what = "a request that keeps the documentation is refused (400), or a permission is missing"
        return _Refusal("D14", Severity.INFO, "status", str(operation.success.status), "400", what)
    return None


def _no_list(
    exchange: Exchange, asked: Sequence[Exchange], accepted: set[tuple[str, str]], evidence: Evidence
) -> _Refusal | None:
    """A 404 for a list, though what it is asked with is listed elsewhere or good enough for other operations."""
    operation = evidence.operation(exchange)
    pairs = {pair for pair in exchange.query if pair[0] not in PAGING} - accepted
    strange = any(not _is_listed(operation, name, value, evidence) for name, value in pairs)
    if "{" in operation.path or any(other.ok for other in asked) or strange:
        return None
    expected = str(operation.success.status)
    return _Refusal("D1", Severity.CRITICAL, "status", expected, "404", "there is no such list (404)")


def _is_listed(operation: Operation, name: str, value: str, evidence: Evidence) -> bool:
    """Whether an id is one that its list names, in the form that is documented."""
    parameter = operation.parameter(name)
    if parameter and parameter.id_prefixes and not value.startswith(parameter.id_prefixes):
        return False
    listed = evidence.answers.get(f"{parameter.resource}.list", ()) if parameter else ()
    return any(value in answer.ids for answer in listed)


def _is_still_listed(exchange: Exchange, evidence: Evidence) -> bool:
    """Whether a list names the object of a request: one seen after it, where there is any; what is deleted is gone."""
    wanted, number = exchange.path_params.get("id", ""), evidence.number(exchange)
    pages = evidence.answers.get(f"{evidence.operation(exchange).resource}.list", ())
    named = {scope(page.exchange) for page in pages if wanted in page.ids}
    plain = [page for page in pages if page.exchange.purpose is Purpose.LIST and scope(page.exchange) in named]
    later = [page for page in plain if page.number > number]
    return any(wanted in page.ids for page in later or plain)


def _no_object(exchange: Exchange, asked: Sequence[Exchange], evidence: Evidence) -> _Refusal | None:
    """A 404, to the end, for an object that the list of its resource names."""
    operation = evidence.operation(exchange)
    named = _is_still_listed(exchange, evidence)
    last = [other for other in asked if other.path_params == exchange.path_params][-1]
    if operation.is_list or not named or last.status != 404:
        return None
    expected = str(operation.success.status)
    return _Refusal("D20", Severity.HIGH, "status", expected, "404", "an object that its list names is not found")


def _error(exchange: Exchange) -> Mapping[str, Any]:
    body = exchange.json
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}
