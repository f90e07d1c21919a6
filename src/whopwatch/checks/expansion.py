"""Check that a field holds an id, and the object itself if the request expands it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule
from whopwatch.oracle.documented_fields import EXPAND, EXPAND_LOCATION, expandable

NOT_EXPANDED = Rule(
    "expansion/not-expanded",
    "D20",
    Severity.HIGH,
    "{name}, expanded: object",
    "string",
    "{name} is not an object although the request expands it",
)
EXPANDED_UNASKED = Rule(
    "expansion/expanded-unrequested",
    "D20",
    Severity.HIGH,
    "{name}, not expanded: string",
    "object",
    "{name} is an object although the request does not expand it",
)
EXPANSION_REJECTED = Rule(
    "expansion/rejected",
    "D14",
    Severity.HIGH,
    "the documented fields expanded",
    "{status}",
    "a documented field to expand is rejected",
)


def expansion(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare the type of each expandable field with what the request expands."""
    for id, exchanges in evidence.by_operation.items():
        names = expandable(contract, contract.operations[id])
        if names:
            responses = evidence.responses.get(id, ())
            for success in responses:
                _report_types(findings, success, names, len(responses))
            _report_rejected(findings, id, exchanges)


def _report_types(findings: FindingCollector, success: SuccessResponse, names: tuple[str, ...], samples: int) -> None:
    expanded = _expanded(success.exchange)
    for name in names:
        rule, wrong = (NOT_EXPANDED, "string") if name in expanded else (EXPANDED_UNASKED, "object")
        if any(json_type(value) == wrong for value in _values(success, name)):
            findings.report(
                rule,
                success.operation.id,
                EXPAND_LOCATION,
                sample=success.index,
                exchange=success.exchange,
                samples=samples,
                name=name,
            )


def _report_rejected(findings: FindingCollector, id: str, exchanges: Sequence[Exchange]) -> None:
    """Report requests that are rejected with a documented field to expand, and accepted without it."""
    plain = [one for one in exchanges if one.credential == "key" and one.purpose is Purpose.RETRIEVE]
    accepted = [one.path_params for one in plain if one.ok and not _expanded(one)]
    expanding = [one for one in plain if _expanded(one)]
    for number, exchange in enumerate(expanding):
        if exchange.status in (400, 422) and exchange.path_params in accepted:
            findings.report(
                EXPANSION_REJECTED,
                id,
                EXPAND_LOCATION,
                sample=number,
                exchange=exchange,
                samples=len(expanding),
                unit="request",
                status=exchange.status,
            )


def _expanded(exchange: Exchange) -> set[str]:
    return {value for name, value in exchange.query if name == EXPAND}


def _values(success: SuccessResponse, name: str) -> Iterator[Any]:
    """Yield what the items hold in a field. The schema check reports a null, or a type that is neither of the two."""
    for item in success.items:
        if isinstance(item, dict) and item.get(name) is not None:
            yield item[name]
