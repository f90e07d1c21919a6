"""Check what a schema has no keyword for: undocumented fields, and ids with an undocumented prefix."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import pointer_of
from whopwatch.contract.schema_tree import Path, SchemaNode, schemas_of
from whopwatch.core.finding import Severity
from whopwatch.core.names import MANY_NAMES, describe_names, shape_of
from whopwatch.core.rule import Rule, shown_value

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


def fields(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each undocumented field, and each field whose ids have an undocumented prefix."""
    schemas = schemas_of(contract)
    for success in evidence.inexact_responses:
        pointer, api = success.response.pointer, success.operation.api
        value, start = success.part_to_explain(partial(_is_exact, contract, pointer, api))
        for place in undocumented_places(schemas.of(success.operation), value):
            _report(findings, success, place, evidence, start)


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


def _report(
    findings: FindingCollector, success: SuccessResponse, place: UndocumentedPlace, evidence: Evidence, start: int
) -> None:
    operation, path, prefixes = success.operation.id, place.path, place.prefixes
    in_item = success.operation.is_list and path[:1] == ("data",) and len(path) > 1
    findings.report(
        UNDOCUMENTED_FIELD if prefixes is None else ID_PREFIX,
        operation,
        place.location,
        sample=(success.index, start + int(path[1]) if in_item else None),
        exchange=success.exchange,
        samples=evidence.samples(operation) if in_item else len(evidence.responses[operation]),
        unit="item" if in_item else "response",
        place=place.location,
        observed=place.observed,
        prefixes=" or ".join(prefixes or ()),
    )
