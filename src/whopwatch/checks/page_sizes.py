"""Check the sizes of pages: as many items as requested, and the same default size on every list."""

from __future__ import annotations

from itertools import pairwise

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.oracle.list_rules import (
    DEFAULT_SIZES_DIFFER,
    OTHER_ASSUMED_MAXIMUM,
    OTHER_DEFAULT_SIZE,
    OTHER_MAXIMUM,
    SHORT_PAGE,
)

MIN_LISTS = 3
"""Lists that have to agree on a default size before another one differs."""


def page_sizes(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report short pages, another maximum size, and default sizes that are not the documented ones.

    Where no default size is documented, the lists have to agree on one.
    """
    _report_short_pages(contract, evidence, findings)
    pages = {
        id: [
            (len(page.items), page.info("has_next_page") is True)
            for traversal in history.traversals
            for page in traversal.pages
            if page.usable and page.size() is None
        ]
        for id, history in evidence.lists.items()
    }
    full = {id: {size for size, has_next in found if has_next} for id, found in pages.items()}
    stated = {id: contract.paging(contract.operations[id]).default_size for id in pages}
    seen = [size for id, sizes in full.items() for size in sizes if stated[id] is None]
    usual = max(set(seen), key=seen.count, default=0)
    for id, found in pages.items():
        expected = stated[id] or usual
        is_larger = any(size > expected for size, _ in found)
        if (is_larger or full[id] - {expected}) and (stated[id] or seen.count(usual) >= MIN_LISTS):
            rule = OTHER_DEFAULT_SIZE if stated[id] else DEFAULT_SIZES_DIFFER
            findings.report(rule, id, "param:first", sample=0, samples=len(seen), unit="page size")
        elif full[id] and not stated[id] and seen.count(usual) >= MIN_LISTS:
            findings.meets(DEFAULT_SIZES_DIFFER, id)


def _report_short_pages(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report lists whose pages are smaller than requested although another page follows.

    If no page of any size has more items than a certain number, the list has another maximum.
    """
    for id, history in evidence.lists.items():
        paging = contract.paging(contract.operations[id])
        maximum = paging.maximum_size
        traversals = history.traversals
        sized = {page for one in traversals for page in one.pages if page.usable and page.size() is not None}
        followed = {page for one in traversals for page, after in pairwise(one.pages) if after.items}
        short = [page for page in sized & followed if len(page.items) < min(page.size() or 0, maximum)]
        is_clamped = len({len(page.items) for page in short}) == 1 and all(
            len(page.items) <= min(len(short[0].items), page.size() or 0) for page in sized
        )
        if any(len(page.items) == min(page.size() or 0, maximum) for page in sized & followed):
            findings.meets(SHORT_PAGE, id)
        if any(len(page.items) == maximum for page in sized & followed):
            findings.meets(OTHER_ASSUMED_MAXIMUM, id)
        clamped = OTHER_MAXIMUM if paging.is_maximum_stated else OTHER_ASSUMED_MAXIMUM
        for page in short:
            findings.report(
                clamped if is_clamped else SHORT_PAGE,
                id,
                "param:first",
                sample=page,
                exchange=page.exchange,
                samples=len(sized),
                unit="page",
                maximum=maximum,
            )
