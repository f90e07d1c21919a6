"""Check that every request to a list shows what follows from the whole list: filters, orders, pages, steps back."""

from __future__ import annotations

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.oracle.list_rules import PARENT_IGNORED
from whopwatch.oracle.stability import met_rules, proven_violations


def queries(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report what differs while the list did not change: it was seen whole, and the same, before and after."""
    for id, history in evidence.lists.items():
        for rule in met_rules(history):
            findings.meets(rule, id)
        for violation, index in proven_violations(history):
            # The paging check reports what is wrong with a page by itself.
            if violation.rule.check == "queries":
                findings.report(
                    violation.rule,
                    id,
                    violation.location,
                    sample=index,
                    exchange=evidence.by_operation[id][index],
                    samples=len(history.traversals),
                    unit="traversal",
                    param=violation.location.removeprefix("param:"),
                )


def parents(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report lists that require a parent and show the same items for two parents."""
    for id, history in evidence.lists.items():
        required = [p.name for p in history.parameters.operation.parameters if p.required and p.resource]
        if not required or len(history.traversals) < 2:
            continue
        list_of_item: dict[str, object] = {}
        for traversal, whole in history.whole_lists:
            key = traversal.list_key
            shared = [item for item in whole.by_id if list_of_item.setdefault(item, key) != key]
            if shared:
                findings.report(
                    PARENT_IGNORED,
                    id,
                    f"param:{required[-1]}",
                    sample=traversal.indexes[0],
                    exchange=traversal.pages[0].exchange,
                    samples=len(history.whole_lists),
                    unit="list",
                )
