"""What is asked of a list once its whole is known: walks under filters and orders, and again where they surprise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.oracle.stability import names_parameter, proven_violations, suspected_violations
from whopwatch.planning import filter_values as compose
from whopwatch.planning.state import Experiment, FilteredFirstPage, RunState, cursor, has_next, items

WHOLE = "100"
SMALL = 3
BACK = (str(SMALL + 2), WHOLE)
"""How many items are asked for backwards: fewer than there are, or all."""
ENOUGH = 12
"""Items that a list has at least where its default page size leaves something over, as far as anybody knows."""
ATTEMPTS = 2
"""Times that something is asked again until the list stood still around it."""


def complete_list(state: RunState, operation: Operation) -> Experiment:
    """The rest of the list whose first page was seen, as far as the budget can afford."""
    trace = state.first_page(operation) if operation.is_list else None
    if trace and has_next(trace[1]) and state.listing(operation) is None:
        yield from remaining_pages(*trace, state.pages)


def remaining_pages(call: Call, page: Exchange, pages: int) -> Experiment:
    """The pages after `page`, which answered `call`: to the end, to the last of `pages`, or to a cursor seen before."""
    seen: set[str] = set()
    for _ in range(pages - 1):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None or after in seen:
            return
        seen.add(after)
        page = yield replace(call, purpose=Purpose.NEXT_PAGE, query=(*call.query, ("after", after)))


def again(state: RunState, operation: Operation) -> Experiment:
    """The whole list once more."""
    trace = state.first_page(operation)
    if trace is not None:
        page = yield trace[0]
        yield from remaining_pages(trace[0], page, state.pages)


def first_filtered_page(state: RunState, operation: Operation, *, telling: bool = False) -> Experiment:
    """The first page under several filters and an order, of the default size; if `telling`, not under fewer."""
    listing, base = state.listing(operation), state.base(operation)
    look = state.filtered_pages.get(operation.id)
    if listing is None or base is None or len(listing.items) < 2 or (look and look.base == base):
        return
    orders = compose.orders(listing, state.seed)
    filters = compose.several_filters(listing, state.seed)
    if telling and not (compose.mixes_dates_and_choices(listing, filters) and orders and len(orders[0]) > 1):
        return
    asked = (*filters, *(orders[0] if orders else ()))
    count = len(listing.expect(asked))
    first: Pairs = () if count > ENOUGH else (("first", str(max(1, count // 3))),)
    since = state.count(operation)
    state.filtered_pages[operation.id] = FilteredFirstPage(base, asked, since, (yield query(base, (*asked, *first))))
    yield from confirm_deviation(state, operation, since)


def fallback_filtered_page(state: RunState, operation: Operation) -> Experiment:
    """Such a page, of a list with whatever filters it has, where no list had several."""
    if not state.filtered_pages:
        yield from first_filtered_page(state, operation)


def traverse_filtered(state: RunState, operation: Operation) -> Experiment:
    """On from that page: a small one, the rest, and one back."""
    look, base = state.filtered_pages.get(operation.id), state.base(operation)
    if look is None or base is None or look.base != base or suspected_violations(state.observed(operation), look.since):
        return
    page, since = look.page, look.since
    if page.ok and not has_next(page) and page.query_value("first") is None and len(items(page)) > 2:
        since = state.count(operation)
        page = yield query(base, (*look.parameters, ("first", str(len(items(page)) // 3))))
    seen = len(items(page))
    for size in (SMALL, 0):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        page = yield query(
            base, (*look.parameters, ("first", str(size or _rest(state, operation, look, seen))), ("after", after))
        )
        seen += len(items(page))
    before = cursor(page, "start_cursor")
    if page.query_value("after") and before:
        yield query(base, (*look.parameters, ("last", BACK[_side(state, operation)]), ("before", before)))
    yield from confirm_deviation(state, operation, since)


def _rest(state: RunState, operation: Operation, look: FilteredFirstPage, seen: int) -> int:
    """As many items as are left: a full page that is the last one has to say so."""
    listing = state.listing(operation)
    return max(1, len(listing.expect(look.parameters)) - seen) if listing else int(WHOLE)


def _side(state: RunState, operation: Operation) -> int:
    return (crc32(operation.id.encode()) + state.seed) % 2


def step_back_other_size(state: RunState, operation: Operation) -> Experiment:
    """Once more back from the same cursor, with the other size: more items than there are, or fewer."""
    observed, look = state.observed(operation), state.filtered_pages.get(operation.id)
    taken = [step for step in observed.steps_back if step.page.exchange.purpose is Purpose.QUERY]
    before = taken[-1].page.exchange.query_value("before") if taken else None
    if look is not None and before is not None:
        since = state.count(operation)
        asked = taken[-1].traversal.selection
        yield query(look.base, (*asked, ("last", BACK[1 - _side(state, operation)]), ("before", before)))
        yield from confirm_deviation(state, operation, since)


def flipped_direction(state: RunState, operation: Operation) -> Experiment:
    """The look once more, in the other direction and in nothing else different: one may be taken for the other."""
    look, name = state.filtered_pages.get(operation.id), "direction"
    asked = dict(look.parameters).get(name) if look else None
    if look is None or asked is None:
        return
    since, turned = state.count(operation), "desc" if asked == "asc" else "asc"
    sent = tuple((key, turned if key == name else value) for key, value in look.page.query)
    yield replace(look.base, purpose=Purpose.QUERY, query=sent)
    yield from confirm_deviation(state, operation, since)


def smaller_pages(state: RunState, operation: Operation) -> Experiment:
    """A list that shows equal items, which may be right, in smaller pages: they have to be as many there."""
    base = state.base(operation) if operation.is_list else None
    whole = [walk for walk in state.observed(operation).traversals if walk.is_whole] if base else []
    if base is None or not whole or len(set(whole[-1].ids)) == len(whole[-1].ids):
        return
    size = ("first", str(len(whole[-1].ids) // 2 + 1))
    page = yield query(base, (size,))
    for _ in range(state.pages):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        page = yield query(base, (size, ("after", after)))
    yield from again(state, operation)


def nearly_unfiltered(state: RunState, operation: Operation) -> Experiment:
    """The list under filters that take next to nothing away, in the order of the look, or downwards."""
    listing, base = state.listing(operation), state.base(operation)
    look = state.filtered_pages.get(operation.id)
    if listing is None or base is None or look is None:
        return
    names = listing.parameters.declared.order
    order: Pairs = tuple(pair for pair in look.parameters if pair[0] in listing.parameters.sorts)
    if [name for name, _ in order] == [names["direction"]]:
        order = ((names["direction"], names["default_direction"]),)
    asked = (*compose.weak_filters(listing, state.seed), *order)
    if asked:
        since = state.count(operation)
        yield query(base, (*asked, ("first", WHOLE)))
        yield from confirm_deviation(state, operation, since)


def remaining_orders(state: RunState, operation: Operation) -> Experiment:
    """The first page under every further order."""
    listing, base = state.listing(operation), state.base(operation)
    if listing is None or base is None or len(listing.items) < 2:
        return
    since = state.count(operation)
    for asked in compose.orders(listing, state.seed)[1:]:
        yield query(base, (*asked, ("first", "7")))
    yield from confirm_deviation(state, operation, since)


def single_filters(state: RunState, operation: Operation, tests: Collection[str] = ()) -> Experiment:
    """Each filter by itself that the walk could not have, with a value that some items have; all, or some `tests`."""
    listing, base = state.listing(operation), state.base(operation)
    if listing is None or base is None or not listing.items:
        return
    since = state.count(operation)
    look = state.filtered_pages.get(operation.id)
    walked = {name for name, _ in look.parameters} if look else set()
    for filter in listing.parameters.filters.values():
        is_due = filter.name not in walked and (not tests or filter.test in tests)
        asked = compose.discriminating_filter(listing, filter, state.seed) if is_due else None
        if asked and not _is_base(base, filter.name):
            call = query(base, (*asked, ("first", WHOLE)))
            if not state.was_sent(call):
                yield call
    yield from confirm_deviation(state, operation, since)


def page_after_last(state: RunState, operation: Operation) -> Experiment:
    """The page after the last one, for which clients ask that look at end_cursor alone: an empty one."""
    observed, base = state.observed(operation), state.base(operation)
    ends = (walk for walk in observed.traversals if walk.pages[-1].is_last and walk.pages[-1].items)
    walk = next(ends, None) if base else None
    after = cursor(walk.pages[-1].exchange, "end_cursor") if walk else None
    if walk and base and after:
        since = state.count(operation)
        yield query(base, (*walk.selection, ("first", "5"), ("after", after)))
        yield from confirm_deviation(state, operation, since)


def impossible_filter(state: RunState, operation: Operation) -> Experiment:
    """Filters that nothing passes: an empty page each."""
    listing, base = state.listing(operation), state.base(operation)
    if listing and listing.items and base:
        since = state.count(operation)
        for asked in compose.impossible_filters(listing, state.seed):
            if not _is_base(base, asked[0][0]):
                yield query(base, asked)
        yield from confirm_deviation(state, operation, since)


def confirm_deviation(state: RunState, operation: Operation, since: int) -> Experiment:
    """Where answers since `since` were not as the list lets expect: ask once more, and for the list after that.

    What two looks at an unchanged list agree on is no accident of a system that moves.
    """
    calls = [call for call, _ in state.traces.get(operation.id, ())[since:] if call.purpose is Purpose.QUERY]
    if not calls:
        return
    for _ in range(ATTEMPTS):
        if not suspected_violations(state.observed(operation), since):
            return
        for call in calls:  # noqa: UP028 (`yield from` would send the answers to a list)
            yield call
        yield from again(state, operation)
        if proven_violations(state.observed(operation)):
            yield from isolate_parameter(state, operation, calls)
            return


def isolate_parameter(state: RunState, operation: Operation, calls: Sequence[Call]) -> Experiment:
    """Each parameter of requests that disappointed by itself, where several could be the reason."""
    found = [broken for broken, _ in proven_violations(state.observed(operation))]
    rules, base = state.rules(operation), state.base(operation)
    asked = [pair for call in calls for pair in call.query if pair[0] in rules.optional]
    names = list(dict.fromkeys(name for name, _ in asked))
    if base is None or len(names) < 2 or not found or any(map(names_parameter, found)):
        return
    for name in names:
        yield query(base, (*dict.fromkeys(pair for pair in asked if pair[0] == name), ("first", WHOLE)))
    yield from again(state, operation)


def query(base: Call, pairs: Pairs) -> Call:
    """The request for a list with `pairs` besides what it cannot do without."""
    needed = tuple(pair for pair in base.query if pair[0] not in PAGING)
    return replace(base, purpose=Purpose.QUERY, query=(*needed, *pairs))


def _is_base(base: Call, name: str) -> bool:
    return any(sent == name for sent, _ in base.query)
