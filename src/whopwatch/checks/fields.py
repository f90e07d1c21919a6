"""Check what a schema has no keyword for: undocumented fields, and ids with an undocumented prefix."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import pointer_of
from whopwatch.contract.schema_tree import Path, schemas_of
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule, shown_value

UNDOCUMENTED_FIELD = Rule(
    "fields/undocumented-field",
    "D19",
    Severity.INFO,
    "documented fields",
    "an undocumented field",
    "{place} is not documented",
)
ID_PREFIX = Rule(
    "fields/id-prefix",
    "D12",
    Severity.HIGH,
    "an id that starts with {prefixes}",
    "{observed}",
    "{place} does not start with the documented id prefix",
)
_PREFIX = re.compile(r"[a-z]{2,10}_", re.ASCII)


def fields(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each undocumented field, and each field whose ids have an undocumented prefix."""
    schemas = schemas_of(contract)
    for success in evidence.inexact_responses:
        pointer, api = success.response.pointer, success.operation.api
        value, start = success.part_to_explain(partial(_is_exact, contract, pointer, api))
        for path, prefixes in schemas.of(success.operation).undocumented(value):
            _report(findings, success, value, path, prefixes, evidence, start)


def _is_exact(contract: Contract, pointer: str, api: str, value: object) -> bool:
    return contract.validator(pointer, api).is_exact(value)


def _beginning(value: Any, path: Path) -> str:
    """Return the beginning of the id at `path` of `value`, up to its first underscore."""
    for token in path:
        value = value[token]
    return "".join(str(value).partition("_")[:2])


def _report(
    findings: FindingCollector,
    success: SuccessResponse,
    value: Any,
    path: Path,
    prefixes: tuple[str, ...] | None,
    evidence: Evidence,
    start: int,
) -> None:
    operation, location = success.operation.id, pointer_of(path)
    in_item = success.operation.is_list and path[:1] == ("data",) and len(path) > 1
    findings.report(
        UNDOCUMENTED_FIELD if prefixes is None else ID_PREFIX,
        operation,
        location,
        sample=(success.index, start + int(path[1]) if in_item else None),
        exchange=success.exchange,
        samples=evidence.samples(operation) if in_item else len(evidence.responses[operation]),
        unit="item" if in_item else "response",
        place=location,
        prefixes=" or ".join(prefixes or ()),
        observed=shown_value(_beginning(value, path), _PREFIX, "another prefix"),
    )
