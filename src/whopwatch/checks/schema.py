"""Check success bodies against their documented schema.

Fields and id prefixes that a schema does not document are violations, too, although JSON Schema allows them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import Kind, Violation, pointer_of
from whopwatch.contract.schema_tree import Path, SchemaNode, schemas_of
from whopwatch.core.finding import Rule, Severity, shown_value
from whopwatch.core.redaction import MANY_NAMES, describe_names, shape_of

UNDOCUMENTED_FIELD = Rule(
    "fields/undocumented-field",
    "D19",
    Severity.INFO,
    "documented fields",
    "{observed}",
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
    findings.report(
        rule,
        success.operation.id,
        violation.location,
        **_sample(success, violation.path, evidence, start),
        place=violation.location or "the body",
        expected=violation.expected,
        observed=violation.observed,
    )


def fields(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each undocumented field, and each field whose ids have an undocumented prefix."""
    schemas = schemas_of(contract)
    for success in evidence.inexact_responses:
        pointer, api = success.response.pointer, success.operation.api
        value, start = success.part_to_explain(partial(_is_exact, contract, pointer, api))
        for place in undocumented_places(schemas.of(success.operation), value):
            _report_undocumented(findings, success, place, evidence, start)


def _is_exact(contract: Contract, pointer: str, api: str, value: object) -> bool:
    return contract.validator(pointer, api).is_exact(value)


def _beginning(value: Any, path: Path) -> str:
    """Return the beginning of the id at `path` of `value`, up to its first underscore."""
    for token in path:
        value = value[token]
    return "".join(str(value).partition("_")[:2])


class UndocumentedPlace(NamedTuple):
    """An undocumented field, or, with `prefixes`, an id that starts with none of them; `observed` describes it."""

    path: Path
    location: str
    observed: str
    prefixes: tuple[str, ...] | None


def undocumented_places(node: SchemaNode, value: Any) -> Iterator[UndocumentedPlace]:
    """Yield what is undocumented in `value`. Names that are data share the location of their shape."""
    found = list(node.undocumented(value))
    strange = Counter(path[:-1] for path, prefixes in found if prefixes is None)
    shapes = {name: shape_of(name) for name in {str(path[-1]) for path, prefixes in found if prefixes is None}}
    names: dict[tuple[Path, str], list[str]] = defaultdict(list)
    for path, prefixes in found:
        name = str(path[-1]) if path else ""
        if prefixes is not None:
            prefix = shown_value(_beginning(value, path), _PREFIX, "another prefix")
            yield UndocumentedPlace(path, pointer_of(path), prefix, prefixes)
        elif shape := shapes[name] or ("name" if strange[path[:-1]] > MANY_NAMES else None):
            names[path[:-1], shape].append(name)
        else:
            yield UndocumentedPlace(path, pointer_of(path), "an undocumented field", None)
    for (parent, shape), members in names.items():
        place = f"{pointer_of(parent)}/{{{shape}}}"
        yield UndocumentedPlace((*parent, members[0]), place, describe_names(shape, members), None)


def _report_undocumented(
    findings: FindingCollector, success: SuccessResponse, place: UndocumentedPlace, evidence: Evidence, start: int
) -> None:
    findings.report(
        UNDOCUMENTED_FIELD if place.prefixes is None else ID_PREFIX,
        success.operation.id,
        place.location,
        **_sample(success, place.path, evidence, start),
        place=place.location,
        observed=place.observed,
        prefixes=" or ".join(place.prefixes or ()),
    )


def _sample(success: SuccessResponse, path: Path, evidence: Evidence, start: int) -> dict[str, Any]:
    """Return what a violation at `path` counts as: an item of a list, or the whole response.

    `start` is the position of the first item that was explained (see `SuccessResponse.part_to_explain`).
    """
    operation = success.operation
    in_item = operation.is_list and path[:1] == ("data",) and len(path) > 1
    return {
        "sample": (success.index, start + int(path[1]) if in_item else None),
        "samples": evidence.samples(operation.id) if in_item else len(evidence.responses[operation.id]),
        "unit": "item" if in_item else "response",
        "exchange": success.exchange,
    }
