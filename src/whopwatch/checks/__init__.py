"""The checks: pure functions from a contract and what was seen to findings, in one visible order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from whopwatch.checks.asked_for import asked_for
from whopwatch.checks.authentication import authentication
from whopwatch.checks.consequences import without_consequences
from whopwatch.checks.content import content
from whopwatch.checks.default_order import default_order
from whopwatch.checks.envelope import envelope
from whopwatch.checks.evidence import Evidence
from whopwatch.checks.expansion import expansion
from whopwatch.checks.fields import fields
from whopwatch.checks.latency import latency
from whopwatch.checks.lifecycle import alternate_path, deprecation
from whopwatch.checks.moving import moving
from whopwatch.checks.paging import paging
from whopwatch.checks.queries import page_sizes, parents, queries
from whopwatch.checks.read_back import read_back
from whopwatch.checks.refusals import refusals
from whopwatch.checks.refused import refused
from whopwatch.checks.removal import removal
from whopwatch.checks.schema import schema
from whopwatch.checks.side_effects import side_effects
from whopwatch.checks.status import status
from whopwatch.checks.twins import twins
from whopwatch.checks.untouched import untouched
from whopwatch.checks.walking import walking
from whopwatch.checks.wire import wire
from whopwatch.checks.write_refusals import write_refusals
from whopwatch.contract import Contract
from whopwatch.finding import Finding

Check = Callable[[Contract, Evidence], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    wire,
    latency,
    status,
    refused,
    content,
    schema,
    fields,
    envelope,
    authentication,
    refusals,
    paging,
    walking,
    queries,
    page_sizes,
    default_order,
    parents,
    asked_for,
    twins,
    expansion,
    removal,
    read_back,
    side_effects,
    write_refusals,
    untouched,
    moving,
    deprecation,
    alternate_path,
)
"""Every check of a run. Its name in a finding is that of its function, with hyphens."""

COMPARING = frozenset(
    {
        latency,
        authentication,
        refusals,
        walking,
        queries,
        page_sizes,
        parents,
        read_back,
        side_effects,
        write_refusals,
        untouched,
        moving,
    }
)
"""Those that hold several answers of one operation, or of many, against each other."""

OF_ONE_LOOK = tuple(check for check in CHECKS if check not in COMPARING)
"""Those that have anything to say where each of a few operations was asked once, in the plain way."""


def run_checks(contract: Contract, evidence: Evidence, checks: Sequence[Check] = CHECKS) -> tuple[Finding, ...]:
    """What `checks` find, the worst first. Of findings with one fingerprint the first and worst stays."""
    findings: dict[str, Finding] = {}
    for check in checks:
        for finding in check(contract, evidence):
            known = findings.get(finding.fingerprint)
            if known is None or finding.severity.rank < known.severity.rank:
                findings[finding.fingerprint] = finding
    return tuple(sorted(without_consequences(contract, findings.values()), key=_order))


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.operation, finding.location, finding.drift_class


__all__ = ["CHECKS", "OF_ONE_LOOK", "Check", "Evidence", "run_checks"]
