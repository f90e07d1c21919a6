"""Check that an object is the same wherever it is shown: in its list, when it is retrieved, and when it is expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import json_type, pointer_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity
from whopwatch.oracle.documented_fields import EXPAND, EXPAND_LOCATION, expandable

VOLATILE_FIELDS = re.compile(r"updated_at|last_\w+|\w*_count|usd_gmv\w*|\w*balance|\w*_spend|most_recent_\w+")
"""Fields that change by themselves between two requests."""

Path = tuple[str | int, ...]

FIELD_DIFFERS = Rule(
    "twins/field-differs",
    "D20",
    Severity.HIGH,
    "the same as in the list",
    "another value",
    "{place} differs from the same object in its list",
)
OTHER_OBJECT = Rule(
    "twins/other-object",
    "D20",
    Severity.CRITICAL,
    "the requested object",
    "another object",
    "it returns another object than the requested one",
)
NOT_EXPANDED = Rule(
    "expansion/not-expanded",
    "D20",
    Severity.HIGH,
    "{name}, expanded: object",
    "string",
    "{name} is not an object although the request expands it",
)
EXPANDED_UNREQUESTED = Rule(
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


def list_detail_consistency(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare every retrieved object with the list item of the same id, on the fields that both have.

    If an object was retrieved several times, only fields that differ in the last response are reported; if it was
    listed again after that, only fields that differ from both, which are the same: a change between two requests is no
    difference. Nor is one of an object that was not found, or not listed, when it was last requested: others delete and
    move objects, and then nothing can tell a difference from a change.
    """
    for id, responses in evidence.responses.items():
        operation = contract.operations[id]
        if not operation.is_list and id == f"{operation.resource}.retrieve":
            pages = _outside_writes(evidence.responses.get(f"{operation.resource}.list", ()))
            for retrieved in _by_id(_outside_writes(responses)).values():
                if evidence.is_still_there(retrieved[-1].exchange):
                    _compare(findings, operation, retrieved, pages, len(responses))


def differing_paths(left: Any, right: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths at which two values differ, on the fields that both have and that are not volatile."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left.keys() & right.keys():
            if left[name] != right[name] and not VOLATILE_FIELDS.fullmatch(name):
                yield from differing_paths(left[name], right[name], (*path, name))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differing_paths(one, other, (*path, index))
    elif _is_same_type(left, right) and _comparable(left) != _comparable(right):
        yield path


def _is_same_type(left: Any, right: Any) -> bool:
    """Return whether two values are comparable. The schema check reports another type, unless one is null."""
    return type(left) is type(right) or (left is None) is not (right is None)


def _compare(
    findings: FindingCollector,
    operation: Operation,
    retrieved: Sequence[SuccessResponse],
    pages: Sequence[SuccessResponse],
    samples: int,
) -> None:
    wanted = retrieved[0].exchange.path_params.get("id")
    compared: list[tuple[SuccessResponse, set[str]]] = []
    for success in retrieved:
        item = _nearest(pages, success, wanted)
        if item is None or not isinstance(success.value, dict):
            continue
        if success.value.get("id") != wanted:
            findings.report(
                OTHER_OBJECT, operation.id, "/id", sample=success.index, exchange=success.exchange, samples=samples
            )
            continue
        later = _item(next((p for p in pages if p.index > success.index and wanted in p.ids), None), wanted)
        paths = set(differing_paths(item, success.value))
        if later is not None:
            paths &= set(differing_paths(later, success.value))
            changed = list(differing_paths(item, later))
            paths = {one for one in paths if not any(_overlap(one, other) for other in changed)}
        compared.append((success, {pointer_of(path) for path in paths}))
    for success, places in compared:
        for place in sorted(places & compared[-1][1]):
            findings.report(
                FIELD_DIFFERS,
                operation.id,
                place,
                sample=success.index,
                exchange=success.exchange,
                samples=samples,
                place=place,
            )


def _overlap(one: Path, other: Path) -> bool:
    """Return whether one of two paths contains the other."""
    return all(step == other_step for step, other_step in zip(one, other, strict=False))


def _outside_writes(responses: Sequence[SuccessResponse]) -> Sequence[SuccessResponse]:
    """Return the responses to requests that were not made between the run's own writes."""
    return [one for one in responses if one.exchange.purpose not in (Purpose.READ_BACK, Purpose.MOVING_PAGE)]


def _by_id(responses: Sequence[SuccessResponse]) -> dict[str | None, list[SuccessResponse]]:
    index: dict[str | None, list[SuccessResponse]] = {}
    for success in responses:
        index.setdefault(success.exchange.path_params.get("id"), []).append(success)
    return index


def _nearest(pages: Sequence[SuccessResponse], success: SuccessResponse, wanted: str | None) -> Any:
    """Return item `wanted` of the last page before `success` that has it, or of any page."""
    having = [page for page in pages if wanted in page.ids]
    return _item(max(having, key=lambda page: (page.index < success.index, page.index), default=None), wanted)


def _item(page: SuccessResponse | None, wanted: str | None) -> Any:
    items = page.items if page else ()
    return next((item for item in items if isinstance(item, dict) and item.get("id") == wanted), None)


def _comparable(value: Any) -> Any:
    """Return what is compared of a value: of a link not its query, which may be a signature that always changes."""
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        return value.partition("?")[0]
    return (value, isinstance(value, bool)) if not isinstance(value, str) else value


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
        rule, wrong = (NOT_EXPANDED, "string") if name in expanded else (EXPANDED_UNREQUESTED, "object")
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
