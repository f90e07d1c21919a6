"""Check the pages of a traversal together: no item lost or shown twice, and an end."""

from __future__ import annotations

from collections import Counter

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract
from whopwatch.oracle.page_rules import step_back_violation, traversal_violations


def pagination_traversal(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report the violations of every traversal forward, and of every step back."""
    counts = Counter(traversal[0].operation.id for traversal in evidence.traversals)
    found = [
        (traversal[0], violation)
        for traversal in evidence.traversals
        for violation in traversal_violations([success.page for success in traversal])
    ]
    for origin, back in evidence.steps_back:
        previous = _page_before(origin, evidence)
        violation = step_back_violation(previous.page, origin.page, back.page) if previous else None
        if violation:
            found.append((back, violation))
    for success, violation in found:
        operation = success.operation.id
        findings.report(
            violation.rule,
            operation,
            violation.location,
            sample=success.index,
            exchange=success.exchange,
            samples=counts[operation],
            unit="traversal",
        )


def _page_before(page: SuccessResponse, evidence: Evidence) -> SuccessResponse | None:
    return next((before for before, after in evidence.steps if after is page), None)
