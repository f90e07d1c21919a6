"""Whether every request to a list shows what follows from the whole list: filters, orders, pages, steps back."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.finding import Finding, Severity, Source
from whopwatch.plan.behaviour import behaviour
from whopwatch.plan.compare import RULES
from whopwatch.plan.proof import blames, proven

CONSEQUENCES = ("missing", "lost", "cut", "skipped", "order", "again")
"""What is no finding of its own where one parameter is known to be the reason."""


def queries(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report what was seen to differ while the list stood still: the whole list before and after is the same."""
    tally = Tally("queries")
    for id, observed in evidence.lists.items():
        sightings = proven(observed)
        is_located = any(blames(broken) for broken, _ in sightings)
        for broken, number in sightings:
            if is_located and broken.rule in CONSEQUENCES and not blames(broken):
                continue
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
                samples=len(observed.walks),
                source=Source.LIVE_LIVE,
            )
    yield from tally.findings()


def page_sizes(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """The page size that a list takes where none is asked for is the same on every list."""
    pages = {
        id: [
            (len(page.items), page.info("has_next_page") is True)
            for walk in observed.walks
            for page in walk.pages
            if page.usable and page.size() is None
        ]
        for id, observed in evidence.lists.items()
    }
    full = {id: {size for size, has_next in found if has_next} for id, found in pages.items()}
    seen = [size for sizes in full.values() for size in sizes]
    usual = max(set(seen), key=seen.count, default=0)
    tally = Tally("page-sizes")
    _shortened(tally, evidence)
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


def _shortened(tally: Tally, evidence: Evidence) -> None:
    """Lists whose full pages are smaller than a size that the maximum allows."""
    maximum = behaviour().pages["maximum_size"]
    for id, observed in evidence.lists.items():
        pages = [page for walk in observed.walks for page in walk.pages if page.usable and page.size() is not None]
        for number, page in enumerate(pages):
            if page.info("has_next_page") is True and len(page.items) < min(page.size() or 0, maximum):
                tally.add(
                    "D13",
                    Severity.LOW,
                    id,
                    "param:first",
                    expected="as many items as asked for",
                    observed="fewer",
                    what="a page that another one follows has fewer items than were asked for",
                    witness=number,
                    samples=len(pages),
                )


def parents(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """The lists of two parents have no item in common, where a list has to be asked for with its parent."""
    tally = Tally("parents")
    for id, observed in evidence.lists.items():
        needed = [p.name for p in observed.rules.operation.parameters if p.required and p.resource]
        seen: dict[str, object] = {}
        for walk, listing in observed.whole if needed and len(observed.walks) > 1 else ():
            shared = [item for item in listing.by_id if seen.setdefault(item, walk.base) != walk.base]
            if shared:
                tally.add(
                    "D20",
                    Severity.CRITICAL,
                    id,
                    f"param:{needed[-1]}",
                    expected="the items of the parent that was asked for",
                    observed="those of another one, too",
                    what="the lists of two parents show the same items",
                    witness=walk.numbers[0],
                    samples=len(observed.whole),
                    source=Source.LIVE_LIVE,
                )
    yield from tally.findings()


MOST_LISTS = 2
"""More lists than this have to agree before another one differs."""
