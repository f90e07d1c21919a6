"""Group findings with one root cause: a shared schema, a shared object, or a change of the whole API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.operation import escape_pointer
from whopwatch.core.finding import INACTIVE, Confidence, Finding, FindingState, Occurrence
from whopwatch.history.unverified import UNVERIFIED_CHECK

WHOLE_API = "all"
"""The operation of a finding that the whole API has in common."""
MIN_OPERATIONS = 3
"""Operations that must show the same change before it is reported for the whole API."""
_ARRAY_STEP = "*"
"""The step of a location that leads into an array."""
_CLASSES_OF_FIELDS = ("D4", "D5", "D6", "D9", "D19")
"""Classes about a field of an object. Others are about the value, whichever object contains it."""
Cause = tuple[str, str]
"""What takes the place of the operation (`schema:NAME`, `object:FIELD` or `all`), and a location within it."""


def group_by_cause(contract: Contract, findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, those with one root cause merged, the most severe first.

    Fixed and accepted findings are never merged with open ones.
    """
    causes: dict[tuple[Cause, str], list[Finding]] = defaultdict(list)
    result: list[Finding] = []
    for finding in findings:
        cause = cause_of(contract, finding)
        if cause:
            causes[cause, finding.drift_class].append(finding)
        else:
            result.append(finding)
    for (cause, _), members in causes.items():
        shared = next(part for part in _by_state(members) if part)
        result += [_merge(cause, shared)] if len(shared) >= _min_members(cause) else shared
        result += [member for member in members if member not in shared]
    return sorted(result, key=lambda one: (one.severity.rank, one.operation, one.location, one.drift_class))


def _by_state(members: list[Finding]) -> Iterator[list[Finding]]:
    """Yield the open findings, the accepted ones and the fixed ones."""
    yield [member for member in members if member.state not in INACTIVE]
    for state in (FindingState.ACCEPTED, FindingState.FIXED):
        yield [member for member in members if member.state is state]


def _min_members(cause: Cause) -> int:
    return MIN_OPERATIONS if cause[0] == WHOLE_API else 2


def cause_of(contract: Contract, finding: Finding) -> Cause | None:
    """Return the cause that a finding may share with others; None if it cannot share one."""
    operation = contract.operations.get(finding.operation)
    if operation is None:
        return None
    if finding.location.startswith("/"):
        return _schema_at(contract, operation.success.schema or {}, operation.api, finding)
    shared = finding.location.startswith("header:") or finding.check in ("memory", UNVERIFIED_CHECK)
    return (WHOLE_API, finding.location) if shared else None


def _schema_at(contract: Contract, schema: Mapping[str, Any], api: str, finding: Finding) -> Cause | None:
    """Return the innermost object that contains a location, and the location within it.

    Many objects have no schema of their own: a user is repeated inline wherever one is shown. They are named after
    the field that contains them.
    """
    tokens = finding.location.split("/")[1:]
    is_about_field = finding.drift_class in _CLASSES_OF_FIELDS
    cause: Cause | None = None
    nodes = [schema]
    for place in range(len(tokens) + 1):
        names, nodes = _unions_expanded(contract, nodes, api)
        last = place == len(tokens)
        rest = "".join(f"/{token}" for token in tokens[place:]) or "/"
        holder = next((token for token in reversed(tokens[:place]) if token != _ARRAY_STEP), "data")
        if len(names) == 1 and not (is_about_field and last):
            cause = f"schema:{names.pop()}", rest
        elif not last and holder != "data":
            cause = f"object:{holder}", rest
        if place < len(tokens):
            nodes = list(_below(nodes, tokens[place]))
    return cause


def _unions_expanded(
    contract: Contract, nodes: list[Mapping[str, Any]], api: str
) -> tuple[set[str], list[Mapping[str, Any]]]:
    """Return the names of the schemas at one location, and the schemas with unions replaced by their branches."""
    names: set[str] = set()
    plain: list[Mapping[str, Any]] = []
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if "$ref" in node:
            names.add(node["$ref"].rpartition("/")[2])
        node = contract.resolve(node, api)
        plain.append(node)
        todo += [*node.get("anyOf", ()), *node.get("oneOf", ())]
    return names, plain


def _below(nodes: list[Mapping[str, Any]], token: str) -> Iterator[Mapping[str, Any]]:
    for node in nodes:
        if token == _ARRAY_STEP and "items" in node:
            yield node["items"]
        for name, part in node.get("properties", {}).items():
            if escape_pointer(name) == token:
                yield part


def _merge(cause: Cause, members: list[Finding]) -> Finding:
    """Merge findings; severity and message come from the most severe, every member becomes a place."""
    members = sorted(members, key=lambda one: (one.severity.rank, one.operation, one.location))
    worst = members[0]
    operations = len({member.operation for member in members})
    where = f"{cause[0]} {cause[1]}".removesuffix(" /") if cause[0] != WHOLE_API else cause[1]
    return replace(
        worst,
        operation=cause[0],
        location=cause[1],
        message=f"{where}: same change in {len(members)} places of {operations} operations, "
        f"for example {worst.message}",
        samples=sum(member.samples for member in members),
        violations=sum(member.violations for member in members),
        confidence=Confidence.CONFIRMED,
        first_seen=min((member.first_seen for member in members if member.first_seen), default=None),
        state=common_state({member.state for member in members}),
        accepted=worst.accepted if all(member.accepted == worst.accepted for member in members) else None,
        places=tuple(
            Occurrence(one.operation, one.location, one.fingerprint, one.samples, one.violations) for one in members
        ),
    )


def common_state(states: set[FindingState | None]) -> FindingState | None:
    """Return the state of merged findings: new only if all of them are, worse or flapping if one of them is."""
    if len(states) == 1:
        return next(iter(states))
    return next((state for state in (FindingState.WORSE, FindingState.FLAPPING) if state in states), FindingState.KNOWN)
