"""Check that a list that is requested without an order begins as declared: with the newest item."""

from __future__ import annotations

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.oracle.list_rules import OLDEST_FIRST
from whopwatch.oracle.traversal import ListHistory, Traversal


def default_order(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report lists that have a direction parameter and, by the timestamps of their items, the other direction."""
    order = contract.behaviour.order
    parameter, usual = order["direction"], order["default_direction"]
    for id, history in evidence.lists.items():
        traversals = history.traversals if parameter in history.parameters.sorts else ()
        # Two items of nearly every list show that it is not reversed, before all of them are compared.
        is_suspected = any(_is_reversed(traversal, history, usual) for traversal in traversals)
        whole_lists = history.whole_lists if is_suspected else ()
        if not is_suspected and any(_has_direction(traversal, history, usual) for traversal in traversals):
            findings.meets(OLDEST_FIRST, id)
        for traversal, whole in whole_lists:
            if whole.is_reversed(usual):
                findings.report(
                    OLDEST_FIRST,
                    id,
                    f"param:{parameter}",
                    sample=traversal.indexes[0],
                    exchange=traversal.pages[0].exchange,
                    samples=len(whole_lists),
                    unit="list",
                    direction=usual,
                )


def _has_direction(traversal: Traversal, history: ListHistory, direction: str) -> bool:
    whole = traversal.whole(history.parameters)
    return whole is not None and whole.direction == direction


def _is_reversed(traversal: Traversal, history: ListHistory, direction: str) -> bool:
    whole = traversal.whole(history.parameters)
    return whole is not None and whole.is_reversed(direction)
