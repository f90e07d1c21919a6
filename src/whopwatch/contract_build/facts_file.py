"""Compare a contract with a file of facts of the official document: one JSON object a line, one fact each.

A fact names its place: `schema`, `operation` ("GET /products") or `event`, and `kind` (`response`, `request`,
`parameter`, `webhook`) with a JSON `pointer` (`*` for array items, `<Name>` for one variant of a union), or `in` and
`name` of a parameter. It states `types`, `required` and `enum`; null is not stated. `stable: false` says that the
models of other versions differ at the place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from whopwatch.config.decode import read_text_file
from whopwatch.contract_build.official import OfficialFact, documented_at, is_learned_at
from whopwatch.core.errors import ConfigError

EQUAL, LEARNED, OTHER_VERSION, UNEXPLAINED = "equal", "learned", "other-version", "unexplained"
"""How a stated aspect compares with the contract.

LEARNED: it differs, and the contract marks the place as decided by a rule; OTHER_VERSION: it differs, and the file or
the edition says that versions differ there; UNEXPLAINED: it differs, and nothing explains it.
"""
COMPARED_ASPECTS = ("type", "required", "enum")
NO_TYPE = "any"
"""The type of a schema that documents none."""
MAX_FACTS = 200_000
_BY_REFERENCE = {"$ref", "$union"}
"""In place of a type: the fact is about a reference or a union, whose types are not stated. Null beside it is."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One aspect of one fact: what the file states, what the contract says, and how they compare.

    `reason` is why the version of the edition differs, where the edition says so.
    """

    where: str
    aspect: str
    stated: Any
    found: Any
    outcome: str
    reason: str | None = None


def read_facts(path: Path) -> Iterator[tuple[OfficialFact, bool]]:
    """Yield each fact of a file, and whether versions differ at its place. Raise ConfigError for an invalid line."""
    lines = read_text_file(path, "The file of facts").splitlines()
    if len(lines) > MAX_FACTS:
        raise ConfigError(
            "The file has too many facts.", where=str(path), expected=f"at most {MAX_FACTS:,}", got=f"{len(lines):,}"
        )
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        fact = _fact(row) if isinstance(row, dict) else None
        if fact is None:
            raise ConfigError(
                "A line of the file of facts is not a fact.",
                where=f"{path}, line {number}",
                expected="a JSON object with kind, and schema, operation or event, and types, required, enum",
                got="another object" if isinstance(row, dict) else "no JSON object",
            )
        yield fact, row.get("stable") is False


def compare_official(
    document: dict[str, Any],
    facts: Iterable[tuple[OfficialFact, bool]],
    superseded: Mapping[str, str] = MappingProxyType({}),
) -> list[Compared]:
    """Return how each stated aspect compares with `document`; a place that it does not have differs in each.

    `superseded` are the places, or whole schemas, where the edition says that its version is another, and why.
    """
    reasons = [(fact, differ, superseded.get(str(fact)) or superseded.get(fact.where)) for fact, differ in facts]
    return [
        replace(one, reason=reason) if one.outcome == OTHER_VERSION else one
        for fact, versions_differ, reason in reasons
        for one in _compared(document, fact, versions_differ or reason is not None)
    ]


def counts(compared: list[Compared]) -> dict[str, dict[str, int]]:
    """Return the number of each outcome by aspect."""
    counted = Counter((one.aspect, one.outcome) for one in compared)
    outcomes = (EQUAL, LEARNED, OTHER_VERSION, UNEXPLAINED)
    return {aspect: {outcome: counted[aspect, outcome] for outcome in outcomes} for aspect in COMPARED_ASPECTS}


def _fact(row: dict[str, Any]) -> OfficialFact | None:
    """Return the fact of a line; None if the line is none."""
    kind, schema, operation, event = (row.get(name) for name in ("kind", "schema", "operation", "event"))
    pointer: Any = row.get("pointer") or ""
    if kind == "parameter":
        where, pointer = f"parameter {operation}", f"{row.get('in')}:{row.get('name')}"
    elif event is not None:
        where = f"event {event}"
    else:
        where = f"schema {schema}" if schema is not None else f"{kind} {operation}"
    types, required, values = (row.get(name) for name in ("types", "required", "enum"))
    is_valid = (
        kind in ("response", "request", "parameter", "webhook")
        and any(isinstance(name, str) for name in (schema, operation, event))
        and isinstance(pointer, str)
        and (types is None or (isinstance(types, list) and all(isinstance(name, str) for name in types)))
        and (required is None or isinstance(required, bool))
        and (values is None or isinstance(values, list))
    )
    stated = {"types": types, "required": required, "enum": [row["const"]] if "const" in row else values}
    return OfficialFact(where, pointer, stated) if is_valid else None


def _compared(document: dict[str, Any], fact: OfficialFact, versions_differ: bool) -> Iterator[Compared]:
    found, is_learned = documented_at(document, fact), is_learned_at(document, fact)
    types, required, values = fact.says["types"], fact.says["required"], fact.says["enum"]

    def outcome(equal: bool, marked: bool = False) -> str:
        return EQUAL if equal else LEARNED if marked else OTHER_VERSION if versions_differ else UNEXPLAINED

    if types is not None:
        stated, has = set(types) or {NO_TYPE}, set(found["types"]) if found else set()
        marked = is_learned and _same_types({*stated, "null"}, {*has, "null"})
        result = outcome(found is not None and _same_types(stated, has), marked)
        yield Compared(str(fact), "type", sorted(stated), sorted(has) or None, result)
    if required is not None:
        says = found and found["required"]
        yield Compared(str(fact), "required", required, says, outcome(says is required, is_learned))
    if values is not None:
        expected, known = _texts(values), _texts(found["enum"] or ()) if found else []
        yield Compared(str(fact), "enum", expected, known or None, outcome(expected == known))


def _same_types(stated: set[str], found: set[str]) -> bool:
    if stated & _BY_REFERENCE:
        return ("null" in stated) == ("null" in found)
    return stated == found


def _texts(values: Iterable[Any]) -> list[str]:
    """Return enum values in one order, without null: it is compared as a type."""
    return sorted({value if isinstance(value, str) else json.dumps(value) for value in values if value is not None})
