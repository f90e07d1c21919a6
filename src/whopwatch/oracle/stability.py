"""Where the responses of one list contradict the whole list: suspected after one look, proven after two.

A list that is in use changes while it is observed. A violation is proven only if the whole list was seen before and
after it, and was the same both times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from whopwatch.core.exchange import Purpose
from whopwatch.core.rule import Rule
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.expected_list import WholeList
from whopwatch.oracle.list_comparison import compare_step_back, compare_traversal, met_by_traversal, place_of_order
from whopwatch.oracle.page import ListViolation
from whopwatch.oracle.traversal import ListHistory, ListKey, Traversal, signature

IndexedViolation = tuple[ListViolation, int]
"""A violation, and the index of the first exchange that shows it."""

WholeListOf = Callable[[ListKey, int, int], WholeList | None]


def suspected_violations(history: ListHistory, since: int) -> list[IndexedViolation]:
    """Return what the responses from exchange `since` on violate, if the list is still as it was last seen whole."""
    return _all(history, since, lambda key, first, _: history.whole_before(key, first))


def proven_violations(history: ListHistory) -> list[IndexedViolation]:
    """Return what responses violate while the list did not change."""
    return [*_all(history, 0, history.unchanged_between), *_reordered(history), *_resized(history)]


def met_rules(history: ListHistory) -> set[Rule]:
    """Return the undocumented rules that responses show to be met: they are as the list that was seen before says."""
    found: set[Rule] = set()
    for traversal in history.traversals:
        if traversal.pages[-1].exchange.purpose is Purpose.QUERY:
            whole = history.whole_before(traversal.list_key, _first_query(traversal))
            found.update(met_by_traversal(whole, traversal) if whole else ())
    return found


def _all(history: ListHistory, since: int, whole_of: WholeListOf) -> list[IndexedViolation]:
    found = list(_contradicting(history, since, whole_of))
    return found or list(_unstable(history, since, whole_of))


def _contradicting(history: ListHistory, since: int, whole_of: WholeListOf) -> Iterator[IndexedViolation]:
    for traversal in history.traversals:
        is_query = traversal.pages[-1].exchange.purpose is Purpose.QUERY and traversal.indexes[-1] >= since
        whole = whole_of(traversal.list_key, _first_query(traversal), traversal.indexes[-1]) if is_query else None
        if whole:
            yield from ((violation, traversal.indexes[0]) for violation in compare_traversal(whole, traversal))
    for step in history.steps_back:
        is_query = step.page.exchange.purpose is Purpose.QUERY and step.index >= since
        whole = whole_of(step.traversal.list_key, step.traversal.indexes[0], step.index) if is_query else None
        if whole:
            yield from ((violation, step.index) for violation in compare_step_back(whole, step))


def _first_query(traversal: Traversal) -> int:
    """Return the index of its first page that is an experiment: the pages before are part of the whole list."""
    pages = zip(traversal.pages, traversal.indexes, strict=True)
    return next(index for page, index in pages if page.exchange.purpose is Purpose.QUERY)


def _unstable(history: ListHistory, since: int, whole_of: WholeListOf) -> Iterator[IndexedViolation]:
    """Compare two traversals under one order on the items that both show: items of equal rank have no lasting order."""
    queries = [one for one in history.traversals if one.pages[0].exchange.purpose is Purpose.QUERY]
    for position, traversal in enumerate(queries):
        if traversal.indexes[-1] < since:
            continue
        order = _order_of(traversal, history)
        earlier = (
            other
            for other in queries[:position]
            if other.list_key == traversal.list_key and _order_of(other, history) == order
        )
        for other in earlier:
            now, then = traversal.ids, other.ids
            common = set(now) & set(then)
            if [id for id in now if id in common] != [id for id in then if id in common]:
                if whole_of(traversal.list_key, other.indexes[0], traversal.indexes[-1]):
                    yield ListViolation(rules.ORDER_CHANGES, place_of_order(traversal.selection)), traversal.indexes[0]
                break


def _order_of(traversal: Traversal, history: ListHistory) -> list[tuple[str, str]]:
    return [pair for pair in traversal.selection if pair[0] in history.parameters.sorts]


def _reordered(history: ListHistory) -> Iterator[IndexedViolation]:
    """Find whole lists that show the same unchanged items as before, in another order."""
    whole_lists = history.whole_lists if len(history.traversals) > 1 else ()
    for position, (traversal, whole) in enumerate(whole_lists):
        earlier = [other for known, other in whole_lists[:position] if known.list_key == traversal.list_key][-1:]
        for other in earlier:
            if whole.items == other.items:
                continue
            now, then = signature(whole), signature(other)
            if now != then and sorted(now) == sorted(then):
                yield ListViolation(rules.ORDER_CHANGES, "/data"), traversal.indexes[0]


def _resized(history: ListHistory) -> Iterator[IndexedViolation]:
    """Find lists with equal items that show another number of them in pages of another size.

    Only for items without an id: items that have one must not be shown twice in the first place.
    """
    whole = [one for one in history.traversals if one.is_whole and one.has_equal_items]
    for traversal in history.traversals if whole else ():
        is_resized = (
            traversal.pages[0].exchange.purpose is Purpose.QUERY and not traversal.selection and traversal.is_complete
        )
        same_list = [other for other in whole if other.list_key == traversal.list_key] if is_resized else []
        before = [other for other in same_list if other.indexes[-1] < traversal.indexes[0]][-1:]
        after = [other for other in same_list if other.indexes[0] > traversal.indexes[-1]][:1]
        for then, now in zip(before, after, strict=False):
            if Counter(then.ids) == Counter(now.ids) != Counter(traversal.ids):
                yield ListViolation(rules.SIZE_CHANGES_ITEMS, "/data/*"), traversal.indexes[0]
