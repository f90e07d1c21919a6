"""Check every single page of a list."""

from __future__ import annotations

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.oracle.list_rules import CURSOR_ON_EMPTY_PAGE, START_CURSOR_MISSING, START_CURSOR_UNUSED
from whopwatch.oracle.page_rules import is_empty, page_violations


def paging(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report the violations of each page by itself.

    No source says that a list which is read forward only has cursors for the way back.
    """
    for success in evidence.pages():
        operation = success.operation.id
        is_backward = contract.paging(success.operation).is_backward
        if is_empty(success.page):
            findings.meets(CURSOR_ON_EMPTY_PAGE, operation)
        elif not is_backward and success.page.cursor("start_cursor"):
            findings.meets(START_CURSOR_UNUSED, operation)
        for rule, location in page_violations(success.page):
            findings.report(
                START_CURSOR_UNUSED if rule is START_CURSOR_MISSING and not is_backward else rule,
                operation,
                location,
                sample=success.index,
                exchange=success.exchange,
                samples=len(evidence.responses[operation]),
                unit="page",
            )
