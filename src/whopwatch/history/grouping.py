"""Group findings with one root cause: a shared schema, a shared object, or a change of the whole API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from whopwatch.checks.causes import WHOLE_API, Cause, cause_of
from whopwatch.contract import Contract
from whopwatch.core.finding import INACTIVE, Confidence, Finding, FindingState, Occurrence

MIN_OPERATIONS = 3
"""Operations that must show the same change before it is reported for the whole API."""


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
