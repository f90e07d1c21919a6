"""Check that properties documented as deprecated are still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import pointer_of
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule
from whopwatch.oracle.deprecation import MIN_OBJECTS, deprecated_properties

PROPERTY_REMOVED = Rule(
    "removal/deprecated-property",
    "D6",
    Severity.MEDIUM,
    "the deprecated property, as long as it is documented",
    "absent from all of {count} objects",
    "the deprecated property {name} is missing",
)


def deprecated_property_removed(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each deprecated property that none of several objects has: it may have been removed."""
    for id, responses in evidence.responses.items():
        operation = contract.operations[id]
        names = deprecated_properties(contract, id)
        objects = _objects(responses) if names else {}
        missing = [name for name in names if not any(name in item for item in objects.values())]
        for name in missing if len(objects) >= MIN_OBJECTS else ():
            location = pointer_of(("data", 0, name) if operation.is_list else (name,))
            for sample in objects:
                findings.report(
                    PROPERTY_REMOVED,
                    id,
                    location,
                    sample=sample,
                    samples=len(objects),
                    unit="object",
                    name=name,
                    count=len(objects),
                )


def _objects(responses: Sequence[SuccessResponse]) -> Mapping[str, Mapping[str, Any]]:
    """Return every object that was seen, by id, with its properties from all responses."""
    seen: dict[str, dict[str, Any]] = {}
    for success in responses:
        for item in success.items:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                seen.setdefault(item["id"], {}).update(item)
    return seen
