"""Whether every request to a list shows what follows from the whole list: filters, orders, pages, steps back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from whopwatch.checks.causes import without_what_follows
from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding, Severity, Source
from whopwatch.oracle.list_rules import RULES
from whopwatch.oracle.stability import proven_violations


def queries(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report what was seen to differ while the list stood still: the whole list before and after is the same."""
    tally = Tally("queries")
    for id, observed in evidence.lists.items():
        for broken, number in without_what_follows(proven_violations(observed)):
            rule = RULES[broken.rule]
            tally.add(
                "D14" if broken.rule == "refused" else "D20",
                rule.severity,
                id,
                broken.location,
                expected=rule.expected,
                observed=rule.observed,
                what=rule.what.format(param=broken.location.removeprefix("param:")),
                witness=number,
                samples=len(observed.traversals),
                source=Source.LIVE_LIVE,
            )
    yield from tally.findings()


def page_sizes(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """The page size that a list takes where none is asked for is the same on every list."""
    pages = {
        id: [
            (len(page.items), page.info("has_next_page") is True)
            for walk in observed.traversals
            for page in walk.pages
            if page.usable and page.size() is None
        ]
        for id, observed in evidence.lists.items()
    }
    full = {id: {size for size, has_next in found if has_next} for id, found in pages.items()}
    seen = [size for sizes in full.values() for size in sizes]
    usual = max(set(seen), key=seen.count, default=0)
    tally = Tally("page-sizes")
    _shortened(contract, tally, evidence)
    for id, found in pages.items():
        is_larger = any(size > usual for size, _ in found)
        if (is_larger or full[id] - {usual}) and seen.count(usual) > MOST_LISTS:
            tally.add(
                "D13",
                Severity.LOW,
                id,
                "param:first",
                expected="the default page size of the other lists",
                observed="another one",
                what="its default page size is not that of the other lists",
                witness=0,
                samples=len(seen),
                source=Source.LIVE_LIVE,
            )
    yield from tally.findings()


def _shortened(contract: Contract, tally: Tally, evidence: Evidence) -> None:
    """Lists whose pages are smaller than was asked for, though the next page goes on.

    Where no page of any size has more items than a certain number, the list has another maximum.
    """
    maximum = contract.behaviour.pages["maximum_size"]
    for id, observed in evidence.lists.items():
        asked = {page for walk in observed.traversals for page in walk.pages if page.usable and page.size() is not None}
        followed = {page for walk in observed.traversals for page, after in pairwise(walk.pages) if after.items}
        short = [page for page in asked & followed if len(page.items) < min(page.size() or 0, maximum)]
        is_clamped = len({len(page.items) for page in short}) == 1 and all(
            len(page.items) <= min(len(short[0].items), page.size() or 0) for page in asked
        )
        for page in short:
            tally.add(
                "D11" if is_clamped else "D20",
                Severity.LOW,
                id,
                "param:first",
                expected="as many items as asked for",
                observed="fewer",
                what="a page that another one follows has fewer items than were asked for",
                witness=page,
                samples=len(asked),
            )


def parents(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """The lists of two parents have no item in common, where a list has to be asked for with its parent."""
    tally = Tally("parents")
    for id, observed in evidence.lists.items():
        needed = [p.name for p in observed.parameters.operation.parameters if p.required and p.resource]
        seen: dict[str, object] = {}
        for walk, listing in observed.whole_lists if needed and len(observed.traversals) > 1 else ():
            shared = [item for item in listing.by_id if seen.setdefault(item, walk.list_key) != walk.list_key]
            if shared:
                tally.add(
                    "D20",
                    Severity.CRITICAL,
                    id,
                    f"param:{needed[-1]}",
                    expected="the items of the parent that was asked for",
                    observed="those of another one, too",
                    what="the lists of two parents show the same items",
                    witness=walk.indexes[0],
                    samples=len(observed.whole_lists),
                    source=Source.LIVE_LIVE,
                )
    yield from tally.findings()


MOST_LISTS = 2
"""More lists than this have to agree before another one differs."""
