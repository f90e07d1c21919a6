"""Whether a list that is asked for in no order begins where it is declared to: with the newest item."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.contract.list_behaviour import behaviour
from whopwatch.core.finding import Finding, Severity
from whopwatch.oracle.traversal import Observed, Walk


def default_order(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report lists that have a direction and stand, by the moments that all their items show, in the other one."""
    tally = Tally("default-order")
    direction, usual = behaviour().order["direction"], behaviour().order["default_direction"]
    for id, observed in evidence.lists.items():
        walks = observed.walks if direction in observed.rules.sorts else ()
        whole = observed.whole if any(_is_turned(walk, observed, usual) for walk in walks) else ()
        turned = [walk for walk, listing in whole if listing.is_turned(usual)]
        for walk in turned if turned and not _is_explained(observed, direction) else ():
            tally.add(
                "D13",
                Severity.LOW,
                id,
                f"param:{direction}",
                expected=usual,
                observed="the other direction",
                what="it begins with its oldest item where no direction is asked for",
                witness=walk.numbers[0],
                samples=len(whole),
            )
    yield from tally.findings()


def _is_turned(walk: Walk, observed: Observed, usual: str) -> bool:
    """What two items tell of nearly every list, before it is known whether all of them can be told apart."""
    listing = walk.listing(observed.rules)
    return listing is not None and listing.is_turned(usual)


def _is_explained(observed: Observed, direction: str) -> bool:
    """Whether a direction is taken for the other one even where it is asked for, or the list has no lasting order."""
    from whopwatch.oracle.stability import proven  # what compares many requests is not loaded by the prober

    return any(
        broken.rule == "unstable" or (broken.rule in ("misread", "order") and broken.location == f"param:{direction}")
        for broken, _ in proven(observed)
    )
