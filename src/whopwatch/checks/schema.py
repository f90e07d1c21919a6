"""Check success bodies against their documented schema, down to the last field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import Kind, Violation
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule


def _rule(name: str, drift_class: str, severity: Severity, sentence: str) -> Rule:
    return Rule(f"schema/{name}", drift_class, severity, "{expected}", "{observed}", sentence)


VIOLATION_RULES: Mapping[Kind, Rule] = {
    "required": _rule("required-field-missing", "D5", Severity.CRITICAL, "required field {place} is missing"),
    "null": _rule("null", "D9", Severity.HIGH, "{place} is null, but is documented as never null"),
    "type": _rule("type", "D7", Severity.CRITICAL, "{place} has type {observed} instead of {expected}"),
    "enum": _rule("enum-value", "D10", Severity.MEDIUM, "{place} has undocumented enum value {observed}"),
    "format": _rule("format", "D12", Severity.HIGH, "{place} does not have its documented format"),
    "const": _rule("constant", "D18", Severity.HIGH, "{place} is not the documented constant"),
    "union": _rule("variant", "D18", Severity.HIGH, "{place} is none of the documented variants"),
    "other": _rule("bound", "D11", Severity.MEDIUM, "{place} is outside its documented bounds"),
}
"""The rule that each kind of schema violation breaks."""

FRACTION = _rule("fraction", "D8", Severity.HIGH, "{place} is a fraction, but is documented as an integer")


LEARNED_FIELD = replace(
    _rule("learned-field-missing", "D5", Severity.LOW, "{place} is missing (no source says that it is required)"),
    documented=False,
)
"""Of a field that a rule calls always present because the sources leave it open. The history reports its loss."""

LEARNED_NULL = replace(
    _rule("learned-field-null", "D9", Severity.LOW, "{place} is null (no source says that it never is)"),
    documented=False,
)
"""Of a field that a rule calls never null because the sources leave it open."""
LEARNED_RULES: Mapping[Kind, Rule] = {"required": LEARNED_FIELD, "null": LEARNED_NULL}

OPEN_ENUM_VALUE = replace(
    _rule("open-enum-value", "D10", Severity.MEDIUM, "{place} has an undocumented enum value"), documented=False
)
"""Of an enum that is documented as extensible: new values reach every version of the API."""


def rule_in(node: SchemaNode, value: object, violation: Violation) -> Rule:
    """Return the rule that a violation of `node` in `value` breaks: another one where the sources leave it open."""
    if violation.kind in LEARNED_RULES and node.is_learned(value, violation.path):
        return LEARNED_RULES[violation.kind]
    if violation.kind == "enum" and node.is_open_enum(value, violation.path):
        return OPEN_ENUM_VALUE
    is_fraction = (violation.kind, violation.expected, violation.observed) == ("type", "integer", "number")
    return FRACTION if is_fraction else VIOLATION_RULES[violation.kind]


def schema(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Validate every success body against its schema."""
    inexact = Counter(success.operation.id for success in evidence.inexact_responses)
    for operation, responses in evidence.responses.items():
        if len(responses) > inexact[operation]:
            findings.meets(OPEN_ENUM_VALUE, operation)
    for success in evidence.inexact_responses:
        if success.response.schema is not None:
            validator = contract.validator(success.response.pointer, success.operation.api)
            if not validator.is_valid(success.value):
                node = schemas_of(contract).of(success.operation)
                value, start = success.part_to_explain(validator.is_valid)
                for violation in validator.violations(node.to_explain(value)):
                    rule = rule_in(node, value, violation)
                    _report(findings, success, rule, violation, evidence, start)


def _report(
    findings: FindingCollector,
    success: SuccessResponse,
    rule: Rule,
    violation: Violation,
    evidence: Evidence,
    start: int,
) -> None:
    operation = success.operation.id
    in_item = success.operation.is_list and violation.path[:1] == ("data",) and len(violation.path) > 1
    findings.report(
        rule,
        operation,
        violation.location,
        sample=(success.index, start + int(violation.path[1]) if in_item else None),
        samples=evidence.samples(operation) if in_item else len(evidence.responses[operation]),
        unit="item" if in_item else "response",
        exchange=success.exchange,
        place=violation.location or "the body",
        expected=violation.expected,
        observed=violation.observed,
    )
