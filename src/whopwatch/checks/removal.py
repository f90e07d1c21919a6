"""Whether what is documented as deprecated is still there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.schema import pointer_of
from whopwatch.core.finding import Finding, Severity
from whopwatch.oracle.deprecation import MIN_OBJECTS, deprecated_properties


def removal(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report each deprecated property that none of several objects has: it may be gone for good."""
    tally = Tally("removal")
    for id, answers in evidence.answers.items():
        operation = contract.operations[id]
        names = deprecated_properties(contract, id)
        objects = _objects(answers) if names else {}
        missing = [name for name in names if not any(name in item for item in objects.values())]
        for name in missing if len(objects) >= MIN_OBJECTS else ():
            path = ("data", 0, name) if operation.is_list else (name,)
            for witness in objects:
                tally.add(
                    "D6",
                    Severity.MEDIUM,
                    id,
                    pointer_of(path),
                    expected="the deprecated property, as long as it is documented",
                    observed=f"absent from all of {len(objects)} objects",
                    what=f"the deprecated property {name} is gone",
                    witness=witness,
                    samples=len(objects),
                )
    yield from tally.findings()


def _objects(answers: Sequence[Answer]) -> Mapping[str, Mapping[str, Any]]:
    """What was seen of each object, by its id: all its properties of all answers."""
    seen: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for item in answer.items:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                seen.setdefault(item["id"], {}).update(item)
    return seen
