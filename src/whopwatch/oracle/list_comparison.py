"""Where the responses of a list contradict the whole list: suspected after one comparison, proven after two.

A list that is in use changes while it is observed. A violation is proven only if the whole list was seen before and
after it, and was the same both times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from whopwatch.contract.behaviour import Pairs
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Rule
from whopwatch.oracle import list_rules as rules
from whopwatch.oracle.expected_list import MIN_MOMENTS, ExpectedItem, WholeList, values_by_parameter
from whopwatch.oracle.page import ListPage, ListViolation, page_violations
from whopwatch.oracle.traversal import ListHistory, ListKey, StepBack, Traversal, signature

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


ExpectedItems = Mapping[str, ExpectedItem]
"""What a response may show, by id and in order; see `WholeList.expect`."""


_ORDER_RULES = frozenset({rules.WRONG_ORDER, rules.ITEM_MISSING, rules.ITEMS_SKIPPED})
"""Rules that are broken if items are in another place than expected."""


def compare_traversal(whole: WholeList, traversal: Traversal) -> list[ListViolation]:
    """Compare a traversal with the whole list; return the violations of the first page that has any.

    No source states where nulls sort. If the pages are as expected with nulls on the other side, only that is returned.
    """
    found = _compared(whole, traversal, nulls_highest=False)
    if not found or not whole.has_mixed_nulls(traversal.selection):
        return found
    otherwise = _compared(whole, traversal, nulls_highest=True)
    is_order = any(one.rule in _ORDER_RULES for one in found) and not any(one.rule in _ORDER_RULES for one in otherwise)
    if otherwise and not is_order:
        return found
    return [ListViolation(rules.NULLS_ELSEWHERE, place_of_order(traversal.selection)), *otherwise]


def met_by_traversal(whole: WholeList, traversal: Traversal) -> Iterator[Rule]:
    """Yield the undocumented rules that a traversal shows to be met: other responses would violate them."""
    if _compared(whole, traversal, nulls_highest=False):
        return
    if whole.has_mixed_nulls(traversal.selection) and _compared(whole, traversal, nulls_highest=True):
        yield rules.NULLS_ELSEWHERE
    if any(page.info("has_previous_page") is True for page in traversal.pages[1:]):
        yield rules.OTHER_SIDE_WRONG


def _compared(whole: WholeList, traversal: Traversal, *, nulls_highest: bool) -> list[ListViolation]:
    expected = whole.expect(traversal.selection, nulls_highest=nulls_highest)
    earlier: list[str] = []
    for position, page in enumerate(traversal.pages):
        prefix = (traversal.selection, nulls_highest, *traversal.pages[: position + 1])
        if prefix in whole.verified:
            earlier += page.ids
            continue
        if not page.usable:
            return _rejection(traversal, page)
        found = list(_of_page(whole, expected, traversal.selection, earlier, page))
        if found:
            cause = _explanation(whole, traversal, page, nulls_highest) if position == 0 else _restart(traversal, page)
            return [cause] if cause else _attributed(whole, _causes(found), traversal, page)
        before = traversal.pages[:position]
        if page.ids and any(page.info("end_cursor") == other.info("end_cursor") for other in before):
            return [ListViolation(rules.QUERY_CURSOR_TWICE, "/page_info/end_cursor")]
        earlier += page.ids
        whole.verified.add(prefix)
    return []


def _rejection(traversal: Traversal, page: ListPage) -> list[ListViolation]:
    """Return the violation of a valid request that got a 4xx, at the parameter that the error names."""
    if page.exchange.status not in (400, 404, 422):
        return []
    named = page.exchange.error.get("param")
    sent = [name for name, _ in page.exchange.query]
    if named not in sent and page.exchange.error.get("code") == "parameter_missing":
        return []  # the check of rejected requests reports it
    names = list(dict.fromkeys(name for name, _ in traversal.selection))
    if named in sent:
        return [ListViolation(rules.QUERY_REJECTED, f"param:{named}")]
    if len(names) == 1:
        return [ListViolation(rules.QUERY_REJECTED, f"param:{names[0]}")]
    return [ListViolation(rules.ANY_QUERY_REJECTED, "status")]


def _of_page(
    whole: WholeList, expected: ExpectedItems, selection: Pairs, earlier: Sequence[str], page: ListPage
) -> Iterator[ListViolation]:
    """Find every violation of one page that follows items `earlier` in its traversal."""
    seen = set(earlier)
    own = [one for one in page_violations(page) if one.rule in (rules.TOO_MANY_ITEMS, rules.ITEM_TWICE)]
    yield from own
    yield from _unexpected_items(whole, expected, selection, page)
    is_distinct = all("id" in item for item in page.items) and rules.ITEM_TWICE not in [one.rule for one in own]
    if is_distinct and seen.intersection(page.ids):
        yield ListViolation(rules.EARLIER_ITEMS, "param:after")
    yield from _order(expected, selection, earlier, page)
    left = [item for id, item in expected.items() if id not in seen]
    yield from _gaps(expected, left, page)
    yield from _ends(expected, left, page)
    has_previous = page.info("has_previous_page")
    is_declared = isinstance(has_previous, bool) and whole.parameters.declared.pages["other_side"] == "exact"
    if is_declared and has_previous is not bool(earlier):
        yield ListViolation(rules.OTHER_SIDE_WRONG, "/page_info/has_previous_page")


def _unexpected_items(
    whole: WholeList, expected: ExpectedItems, selection: Pairs, page: ListPage
) -> Iterator[ListViolation]:
    """Find items that are not in the whole list, and items that a filter must exclude."""
    wanted = values_by_parameter(selection)
    for id in page.ids:
        if id not in whole.by_id:
            names = [name for name in wanted if name not in whole.parameters.sorts]
            yield ListViolation(rules.NOT_IN_LIST, f"param:{names[0]}" if len(names) == 1 else "/data")
        elif id not in expected:
            for name, values in wanted.items():
                if name in whole.parameters.filters and whole.excludes(name, values, id):
                    yield ListViolation(rules.EXCLUDED_ITEM, f"param:{name}")


def _order(
    expected: ExpectedItems, selection: Pairs, earlier: Sequence[str], page: ListPage
) -> Iterator[ListViolation]:
    ranks = _ranks(expected, (*earlier[-1:], *page.ids))
    if any(one > other for one, other in pairwise(ranks)):
        is_descending = ranks == sorted(ranks, reverse=True)
        is_reversed = "direction" in dict(selection) and len(set(ranks)) >= MIN_MOMENTS and is_descending
        yield ListViolation(rules.WRONG_ORDER, "param:direction" if is_reversed else place_of_order(selection))


def place_of_order(selection: Pairs) -> str:
    """Return the location of the parameter that determines the order."""
    names = dict(selection)
    return "param:order" if "order" in names else "param:direction" if "direction" in names else "/data"


def _gaps(expected: ExpectedItems, left: Sequence[ExpectedItem], page: ListPage) -> Iterator[ListViolation]:
    """Find items that belong before the last item of the page and were not shown."""
    ranks = _ranks(expected, page.ids)
    if not ranks:
        return
    shown = set(page.ids)
    missing = [
        item.rank
        for item in left
        if item.certain and item.id not in shown and item.rank is not None and item.rank < max(ranks)
    ]
    if any(rank < min(ranks) for rank in missing):
        yield ListViolation(rules.ITEMS_SKIPPED, "param:after" if page.exchange.query_value("after") else "/data")
    elif missing:
        yield ListViolation(rules.ITEM_MISSING, "/data")


def _ranks(expected: ExpectedItems, ids: Sequence[str]) -> list[int]:
    return [rank for id in ids if id in expected and (rank := expected[id].rank) is not None]


def _ends(expected: ExpectedItems, left: Sequence[ExpectedItem], page: ListPage) -> Iterator[ListViolation]:
    """Check what a page says about the items after it. Items that belong before its last one are gaps, no early end."""
    shown, last = set(page.ids), max(_ranks(expected, page.ids), default=None)
    rest = [item for item in left if item.id not in shown]
    behind = [item for item in rest if last is None or item.rank is None or item.rank >= last]
    size, has_next = page.size(), page.info("has_next_page")
    if has_next is False and any(item.certain for item in behind):
        is_full = size is None or len(page.ids) >= size
        is_flag_wrong = is_full and page.ids
        yield (
            ListViolation(rules.NEXT_PAGE_DENIED, "/page_info/has_next_page")
            if is_flag_wrong
            else ListViolation(rules.ENDS_EARLY, "/data")
        )
    elif has_next is True and not rest:
        yield ListViolation(rules.LAST_PAGE_HAS_NEXT, "/page_info/has_next_page")


_EXPLAINED_ON_PAGE: Sequence[tuple[Rule, tuple[Rule, ...]]] = (
    # If items of earlier pages are shown again, the order cannot be right and other items have no room.
    (rules.EARLIER_ITEMS, (rules.WRONG_ORDER, rules.ITEM_MISSING, rules.ITEMS_SKIPPED)),
    # If the order is wrong, items that belong before others are elsewhere.
    (rules.WRONG_ORDER, (rules.ITEM_MISSING, rules.ITEMS_SKIPPED)),
)
"""A rule, and the rules that are broken on the same page because of it; the first that is broken counts."""


def _causes(found: list[ListViolation]) -> list[ListViolation]:
    """Drop the violations of one page that another one explains."""
    broken = {one.rule for one in found}
    explained = next((explained for cause, explained in _EXPLAINED_ON_PAGE if cause in broken), ())
    return [one for one in found if one.rule not in explained]


def _attributed(
    whole: WholeList, found: list[ListViolation], traversal: Traversal, page: ListPage
) -> list[ListViolation]:
    """Locate missing items at the parameter if it is the only one and the page is large enough for the whole list."""
    names = {name for name, _ in traversal.selection}
    if len(names) != 1 or len(traversal.pages) != 1 or (page.size() or 0) < whole.parameters.paging.maximum_size:
        return found
    (name,) = names
    return [ListViolation(one.rule, f"param:{name}" if one.rule in rules.LOSSES else one.location) for one in found]


def _explanation(whole: WholeList, traversal: Traversal, page: ListPage, nulls_highest: bool) -> ListViolation | None:
    """Return the one parameter that, if ignored or read as another value, makes the first page as it is."""
    for rule, name, other in _readings(traversal.selection):
        expected = whole.expect(other, nulls_highest=nulls_highest)
        is_certain = all(item.certain and item.rank is not None for item in expected.values())
        if page.ids and is_certain and not any(_of_page(whole, expected, other, [], page)):
            is_single = _is_one_too_many(whole, traversal.selection, name, page)
            return ListViolation(rules.EXCLUDED_ITEM if is_single else rule, f"param:{name}")
    return None


def _is_one_too_many(whole: WholeList, selection: Pairs, name: str, page: ListPage) -> bool:
    """Return whether a page shows exactly one item that a filter excludes: a filter without effect would show more."""
    values = values_by_parameter(selection)[name]
    return name in whole.parameters.filters and sum(whole.excludes(name, values, id) for id in page.ids) == 1


def _readings(selection: Pairs) -> Iterator[tuple[Rule, str, Pairs]]:
    """Yield ways to misread a request: without one parameter, with one of its values, in the other direction."""
    for name, values in values_by_parameter(selection).items():
        rest = tuple(pair for pair in selection if pair[0] != name)
        yield rules.PARAMETER_IGNORED, name, rest
        if len(values) > 1:
            yield rules.PARAMETER_MISREAD, name, (*rest, (name, values[0]))
            yield rules.PARAMETER_MISREAD, name, (*rest, (name, values[-1]))
        if name == "direction":
            yield rules.PARAMETER_MISREAD, name, (*rest, (name, "asc" if values[-1] == "desc" else "desc"))


def _restart(traversal: Traversal, page: ListPage) -> ListViolation | None:
    """Return a violation if the page starts again at the beginning of the traversal: the cursor is ignored."""
    if page.ids and page.ids[: len(traversal.pages[0].ids)] == traversal.pages[0].ids[: len(page.ids)]:
        return ListViolation(rules.EARLIER_ITEMS, "param:after")
    return None


def compare_step_back(whole: WholeList, step: StepBack) -> list[ListViolation]:
    """Compare a step back with the pages before it, provided that those are right."""
    page, traversal = step.page, step.traversal
    if any(one.rule.documented for one in compare_traversal(whole, traversal)):
        return []
    if not page.usable:
        return [ListViolation(rules.QUERY_REJECTED, "param:before")] if page.exchange.status in (400, 404, 422) else []
    requested = page.size("last")
    size = requested and min(requested, whole.parameters.paging.maximum_size)
    earlier = [id for page in traversal.pages[:-1] for id in page.ids]
    expected = earlier[-size:] if size else earlier[-len(page.ids) :]
    between = [id for id in page.ids if id not in earlier]
    if (
        between
        and set(between) <= whole.expect(traversal.selection).keys() - {*traversal.ids}
        and _is_tail(page.ids, earlier, between)
    ):
        return [ListViolation(rules.ITEMS_SKIPPED, "param:after")]
    return list(_of_step_back(page, earlier, expected, size))


def _is_tail(ids: Sequence[str], earlier: Sequence[str], between: Sequence[str]) -> bool:
    """Return whether a step back shows the pages before it, apart from items that the traversal forward skipped."""
    rest = [id for id in ids if id not in between]
    return bool(rest) and rest == list(earlier[-len(rest) :])


def _of_step_back(
    page: ListPage, earlier: Sequence[str], expected: Sequence[str], size: int | None
) -> Iterator[ListViolation]:
    if size is not None and len(page.ids) > size:
        yield ListViolation(rules.TOO_MANY_BACKWARDS, "param:last")
    elif page.ids == earlier[: len(expected)] and page.ids != expected and page.ids:
        yield ListViolation(rules.WRONG_PAGE_BACK, "param:last")
    elif page.ids != expected:
        yield ListViolation(rules.WRONG_PAGE_BACK, "param:before")
    elif page.info("has_previous_page") is (len(earlier) <= len(expected)):
        yield ListViolation(rules.PREVIOUS_PAGE_WRONG, "/page_info/has_previous_page")
    elif page.info("has_next_page") is False:
        yield ListViolation(rules.OTHER_SIDE_WRONG, "/page_info/has_next_page")
