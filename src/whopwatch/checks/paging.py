"""Check every single page of a list."""

from __future__ import annotations

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.oracle.list_rules import CURSOR_ON_EMPTY_PAGE
from whopwatch.oracle.page_rules import is_empty, page_violations


def paging(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report the violations of each page by itself."""
    for success in evidence.pages():
        operation = success.operation.id
        if is_empty(success.page):
            findings.meets(CURSOR_ON_EMPTY_PAGE, operation)
        for rule, location in page_violations(success.page):
            findings.report(
                rule,
                operation,
                location,
                sample=success.index,
                exchange=success.exchange,
                samples=len(evidence.responses[operation]),
                unit="page",
            )
