"""Check that an object is the same in its list and when it is retrieved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import pointer_of
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule

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


def list_detail_consistency(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare every retrieved object with the list item of the same id, on the fields that both have.

    If an object was retrieved several times, only fields that differ in the last response are reported; if it was
    listed again after that, only fields that differ from both: a change between two requests is no difference.
    """
    for id, responses in evidence.responses.items():
        operation = contract.operations[id]
        if not operation.is_list and id == f"{operation.resource}.retrieve":
            pages = _outside_writes(evidence.responses.get(f"{operation.resource}.list", ()))
            for retrieved in _by_id(_outside_writes(responses)).values():
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
