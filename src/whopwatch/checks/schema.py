"""Whether success bodies keep their documented schema, down to the last field."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.schema import Violation
from whopwatch.core.finding import Finding, Severity

KINDS = {
    "required": ("D5", Severity.CRITICAL, "is missing, though every answer has to have it"),
    "null": ("D9", Severity.HIGH, "is null, though it is documented as never null"),
    "type": ("D7", Severity.CRITICAL, "is of another type than documented"),
    "enum": ("D10", Severity.MEDIUM, "holds a value that is not among the documented ones"),
    "format": ("D12", Severity.HIGH, "is not in its documented format"),
    "const": ("D18", Severity.HIGH, "is not the documented constant"),
    "union": ("D18", Severity.HIGH, "is none of the documented variants"),
    "other": ("D11", Severity.MEDIUM, "breaks a documented bound"),
}
"""What each kind of violation means: drift class, severity on the response side, and how a person would say it."""

WIDENED = ("D8", Severity.HIGH, "is a fraction, though it is documented as a whole number")


def schema(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold every success body against its schema; each violation is located, grouped and counted."""
    tally = Tally("schema")
    for answer in evidence.inexact:
        if answer.response.schema is not None:
            validator = contract.validator(answer.response.pointer, answer.operation.api)
            if not validator.is_valid(answer.value):
                for violation in validator.violations(answer.value):
                    _count(tally, answer.operation.id, answer, violation, evidence)
    yield from tally.findings()


def _count(tally: Tally, operation: str, answer: Answer, violation: Violation, evidence: Evidence) -> None:
    drift_class, severity, meaning = KINDS[violation.kind]
    if violation.kind == "type" and (violation.expected, violation.observed) == ("integer", "number"):
        drift_class, severity, meaning = WIDENED
    in_item = answer.operation.is_list and violation.path[:1] == ("data",) and len(violation.path) > 1
    tally.add(
        drift_class,
        severity,
        operation,
        violation.location,
        expected=violation.expected,
        observed=violation.observed,
        what=f"{violation.location or 'the body'} {meaning}",
        witness=(answer.number, violation.path[1] if in_item else None),
        samples=evidence.samples(operation) if in_item else len(evidence.answers[operation]),
    )
