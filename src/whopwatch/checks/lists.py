"""Check lists: each page, traversals of all pages, filters and orders, page sizes, and whose items they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise, repeat
from operator import contains
from typing import Any

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence, SuccessResponse
from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import value_at
from whopwatch.oracle.list_comparison import met_rules, proven_violations
from whopwatch.oracle.list_rules import (
    CURSOR_ON_EMPTY_PAGE,
    DEFAULT_SIZES_DIFFER,
    OLDEST_FIRST,
    OTHER_ASSUMED_MAXIMUM,
    OTHER_DEFAULT_SIZE,
    OTHER_MAXIMUM,
    OTHER_OWNER,
    PARENT_IGNORED,
    SHORT_PAGE,
    START_CURSOR_MISSING,
    START_CURSOR_UNUSED,
)
from whopwatch.oracle.page import ListPage, is_empty, page_violations, step_back_violation, traversal_violations
from whopwatch.oracle.traversal import ListHistory, Traversal

OwnerPaths = tuple[tuple[str, ...], ...]
MIN_LISTS = 3
"""Lists that have to agree on a default size before another one differs."""


def tenant_isolation(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Compare the owner that each item shows, if it shows one, with the id in the request."""
    for id, responses in evidence.responses.items():
        owners = dict(_owners(contract, contract.operations[id]))
        for success in responses if owners else ():
            for name, paths in owners.items():
                wanted = success.exchange.query_value(name)
                first_steps = {path[0] for path in paths}
                if not wanted or not _may_show(success.page, first_steps):
                    continue
                showing = [
                    (number, item)
                    for number, item in enumerate(success.items)
                    if isinstance(item, dict) and not item.keys().isdisjoint(first_steps)
                ]
                for number, item in showing:
                    if _is_foreign(item, paths, wanted):
                        findings.report(
                            OTHER_OWNER,
                            id,
                            f"param:{name}",
                            sample=(success.index, number),
                            exchange=success.exchange,
                            samples=evidence.samples(id),
                            unit="item",
                            param=name,
                        )


def _may_show(page: ListPage, names: Iterable[str]) -> bool:
    """Return whether an item may have one of these fields. Most lists show no owner: to see it takes no Python loop."""
    return not page.usable or any(any(map(contains, page.items, repeat(name))) for name in names)


def _owners(contract: Contract, operation: Operation) -> Iterator[tuple[str, OwnerPaths]]:
    """Yield the required parameters of a list that name an owner, and the paths at which its items show it."""
    declared = contract.behaviour.owners
    for parameter in operation.required_query if operation.is_list else ():
        if parameter.resource and parameter.name in declared:
            yield parameter.name, tuple(tuple(path.split(".")) for path in declared[parameter.name].split("|"))


def _is_foreign(item: Any, paths: OwnerPaths, wanted: str | None) -> bool:
    shown = [value_at(item, path) for path in paths]
    known = [value for value in shown if isinstance(value, str)]
    return bool(known) and wanted not in known


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


def default_order(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report lists that have a direction parameter and, by the timestamps of their items, the other direction."""
    order = contract.behaviour.order
    parameter, usual = order["direction"], order["default_direction"]
    for id, history in evidence.lists.items():
        traversals = history.traversals if parameter in history.parameters.sorts else ()
        # Two items of nearly every list show that it is not reversed, before all of them are compared.
        is_suspected = any(_is_reversed(traversal, history, usual) for traversal in traversals)
        whole_lists = history.whole_lists if is_suspected else ()
        # The direction is that of all items, which takes time: nothing but the met rules needs it.
        undecided = traversals if findings.notes_met and not is_suspected else ()
        if any(_has_direction(traversal, history, usual) for traversal in undecided):
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
    # Only a page that another one follows shows the default size: the last one has what is left.
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
