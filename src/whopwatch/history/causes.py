"""One change, one finding: places that a shared schema, or the API as a whole, has in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.operation import escape
from whopwatch.core.finding import INACTIVE, Confidence, Finding, FindingState, Occurrence
from whopwatch.history.unverified import UNVERIFIED

EVERYWHERE = "all"
"""What stands for the operation where the whole API has something in common."""
ITEM = "*"
"""The step of a location that leads into an array."""
MANY = 3
"""Operations that have to show the same before it is the API's as a whole."""
_MISSING = ("D4", "D5", "D6", "D9", "D19")
"""Classes that are about a field of an object; others are about the value, whichever object it stands in."""
Cause = tuple[str, str]
"""What stands for the operation (`schema:NAME`, `object:FIELD` or `all`), and a location within it."""


def grouped(contract: Contract, findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those with one root cause put together, the worst first.

    What is over is not mixed with what is not: beside an open group it stays by itself.
    """
    causes: dict[tuple[Cause, str], list[Finding]] = defaultdict(list)
    told: list[Finding] = []
    for finding in findings:
        cause = cause_of(contract, finding)
        if cause:
            causes[cause, finding.drift_class].append(finding)
        else:
            told.append(finding)
    for (cause, _), members in causes.items():
        shared = next(part for part in _by_end(members) if part)
        told += [_together(cause, shared)] if len(shared) >= _needed(cause) else shared
        told += [member for member in members if member not in shared]
    return sorted(told, key=lambda one: (one.severity.rank, one.operation, one.location, one.drift_class))


def _by_end(members: list[Finding]) -> Iterator[list[Finding]]:
    """The open ones, the accepted, the fixed."""
    yield [member for member in members if member.state not in INACTIVE]
    for state in (FindingState.ACCEPTED, FindingState.FIXED):
        yield [member for member in members if member.state is state]


def _needed(cause: Any) -> int:
    return MANY if cause[0] == EVERYWHERE else 2


def cause_of(contract: Contract, finding: Finding) -> Cause | None:
    """What a finding may have in common with others; None where it can only be itself."""
    operation = contract.operations.get(finding.operation)
    if operation is None:
        return None
    if finding.location.startswith("/"):
        return _schema_at(contract, operation.success.schema or {}, operation.api, finding)
    shared = finding.location.startswith("header:") or finding.check in ("memory", UNVERIFIED)
    return (EVERYWHERE, finding.location) if shared else None


def _schema_at(contract: Contract, schema: Mapping[str, Any], api: str, finding: Finding) -> Cause | None:
    """The innermost object that a location lies in, and the rest of the way.

    Many objects have no schema of their own: a user is written out wherever one is shown. They go by the name of the
    field that holds them.
    """
    tokens = finding.location.split("/")[1:]
    about_field = finding.drift_class in _MISSING
    cause: Cause | None = None
    nodes = [schema]
    for place in range(len(tokens) + 1):
        names, nodes = _opened(contract, nodes, api)
        last = place == len(tokens)
        rest = "".join(f"/{token}" for token in tokens[place:]) or "/"
        holder = next((token for token in reversed(tokens[:place]) if token != ITEM), "data")
        if len(names) == 1 and not (about_field and last):
            cause = f"schema:{names.pop()}", rest
        elif not last and holder != "data":
            cause = f"object:{holder}", rest
        if place < len(tokens):
            nodes = list(_below(nodes, tokens[place]))
    return cause


def _opened(contract: Contract, nodes: list[Mapping[str, Any]], api: str) -> tuple[set[str], list[Mapping[str, Any]]]:
    """The names of the schemas at one place, and the schemas themselves with their unions taken apart."""
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
        if token == ITEM and "items" in node:
            yield node["items"]
        for name, part in node.get("properties", {}).items():
            if escape(name) == token:
                yield part


def _together(cause: Cause, members: list[Finding]) -> Finding:
    """One finding for all: the worst of them gives the words, its places are theirs."""
    members = sorted(members, key=lambda one: (one.severity.rank, one.operation, one.location))
    worst = members[0]
    operations = len({member.operation for member in members})
    where = f"{cause[0]} {cause[1]}".removesuffix(" /") if cause[0] != EVERYWHERE else cause[1]
    return replace(
        worst,
        operation=cause[0],
        location=cause[1],
        message=f"{where}: {len(members)} places in {operations} operations show the same, "
        f"such as {worst.message[0].lower() + worst.message[1:]}",
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
    """A root cause is new where all of its places are; a further place of a known one is no news."""
    if len(states) == 1:
        return next(iter(states))
    return next((state for state in (FindingState.WORSE, FindingState.FLAPPING) if state in states), FindingState.KNOWN)
