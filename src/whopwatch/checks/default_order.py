"""Whether a list that is asked for in no order begins where it is declared to: with the newest item."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Severity
from whopwatch.oracle.traversal import ListHistory, Traversal


def default_order(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report lists that have a direction and stand, by the moments that all their items show, in the other one."""
    tally = Tally("default-order")
    direction, usual = contract.behaviour.order["direction"], contract.behaviour.order["default_direction"]
    for id, observed in evidence.lists.items():
        walks = observed.traversals if direction in observed.parameters.sorts else ()
        whole = observed.whole_lists if any(_is_reversed(walk, observed, usual) for walk in walks) else ()
        turned = [walk for walk, listing in whole if listing.is_reversed(usual)]
        for walk in turned if turned and not _is_explained(observed, direction) else ():
            tally.add(
                "D13",
                Severity.LOW,
                id,
                f"param:{direction}",
                expected=usual,
                observed="the other direction",
                what="it begins with its oldest item where no direction is asked for",
                witness=walk.indexes[0],
                samples=len(whole),
            )
    yield from tally.findings()


def _is_reversed(walk: Traversal, observed: ListHistory, usual: str) -> bool:
    """What two items tell of nearly every list, before it is known whether all of them can be told apart."""
    listing = walk.whole(observed.parameters)
    return listing is not None and listing.is_reversed(usual)


def _is_explained(observed: ListHistory, direction: str) -> bool:
    """Whether a direction is taken for the other one even where it is asked for, or the list has no lasting order."""
    from whopwatch.oracle.stability import proven_violations  # what compares many requests is not loaded by the prober

    return any(
        broken.rule == "unstable" or (broken.rule in ("misread", "order") and broken.location == f"param:{direction}")
        for broken, _ in proven_violations(observed)
    )
