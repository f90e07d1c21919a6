"""Experiments on a list whose full content is known: filtered and sorted traversals, repeated if one deviates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.oracle.list_comparison import proven_violations, suspected_violations
from whopwatch.oracle.list_rules import names_parameter
from whopwatch.planning import filter_values
from whopwatch.planning.state import Experiment, FilteredFirstPage, RunState, cursor, has_next, items

SMALL_SIZE = 3
LARGEST_DEFAULT_SIZE = 12
"""The largest default page size seen so far of lists that state none: a list with more items has a second page."""
CONFIRM_ATTEMPTS = 2
"""Times that a deviation is repeated until the list did not change around it."""


def complete_list(state: RunState, operation: Operation) -> Experiment:
    """Read the rest of the list whose first page was read, as far as the budget allows."""
    trace = state.first_page(operation) if operation.is_list else None
    if trace and has_next(trace[1]) and state.listing(operation) is None:
        yield from remaining_pages(*trace, state.page_limit)


def remaining_pages(call: Call, page: Exchange, pages: int) -> Experiment:
    """Request the pages after `page`, the response to `call`: to the end, to the limit, or to a repeated cursor."""
    seen: set[str] = set()
    for _ in range(pages - 1):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None or after in seen:
            return
        seen.add(after)
        page = yield replace(call, purpose=Purpose.NEXT_PAGE, query=(*call.query, ("after", after)))


def reread_list(state: RunState, operation: Operation) -> Experiment:
    """Read the whole list again."""
    trace = state.first_page(operation)
    if trace is not None:
        page = yield trace[0]
        yield from remaining_pages(trace[0], page, state.page_limit)


def first_filtered_page(state: RunState, operation: Operation, *, require_variety: bool = False) -> Experiment:
    """Request the first page with several filters and an order, with the default size where possible.

    With `require_variety`, only a list that has an order, a date filter and a filter with several values qualifies.
    """
    listing, base = state.listing(operation), state.base(operation)
    known = state.filtered_pages.get(operation.id)
    if listing is None or base is None or len(listing.items) < 2 or (known and known.base == base):
        return
    orders = filter_values.orders(listing, state.seed)
    filters = filter_values.several_filters(listing, state.seed)
    is_varied = filter_values.mixes_dates_and_choices(listing, filters) and orders and len(orders[0]) > 1
    if require_variety and not is_varied:
        return
    parameters = (*filters, *(orders[0] if orders else ()))
    count = len(listing.expect(parameters))
    default_size = state.contract.paging(operation).default_size or LARGEST_DEFAULT_SIZE
    # What fits on one page of the default size is read in three pages instead.
    first: Pairs = () if count > default_size else (("first", str(max(1, count // 3))),)
    since = state.count(operation)
    page = yield list_call(base, (*parameters, *first))
    state.filtered_pages[operation.id] = FilteredFirstPage(base, parameters, since, page)
    yield from confirm_deviation(state, operation, since)


def fallback_filtered_page(state: RunState, operation: Operation) -> Experiment:
    """Request such a page without demanding variety, if no list qualified."""
    if not state.filtered_pages:
        yield from first_filtered_page(state, operation)


def traverse_filtered(state: RunState, operation: Operation) -> Experiment:
    """Continue from the filtered first page: one small page, the remainder, one page backwards."""
    start, base = state.filtered_pages.get(operation.id), state.base(operation)
    if start is None or base is None or start.base != base:
        return
    if suspected_violations(state.list_history(operation), start.since):
        return  # the first page deviates by itself: further pages would show the same again
    page, since = start.page, start.since
    if page.ok and not has_next(page) and page.query_value("first") is None and len(items(page)) > 2:
        since = state.count(operation)
        page = yield list_call(base, (*start.parameters, ("first", str(len(items(page)) // 3))))
    seen = len(items(page))
    for size in (SMALL_SIZE, 0):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        first = str(size or _items_left(state, operation, start, seen))
        page = yield list_call(base, (*start.parameters, ("first", first), ("after", after)))
        seen += len(items(page))
    before = cursor(page, "start_cursor")
    if page.query_value("after") and before and _goes_back(operation):
        size_back = _sizes_back(state, operation)[0]
        yield list_call(base, (*start.parameters, ("last", size_back), ("before", before)))
    yield from confirm_deviation(state, operation, since)


def largest_size(state: RunState, operation: Operation) -> str:
    """Return the largest page size of a list: most lists fit on one such page."""
    return str(state.contract.paging(operation).maximum_size)


def _goes_back(operation: Operation) -> bool:
    """Check that the list documents pagination backwards."""
    return operation.parameter("last") is not None and operation.parameter("before") is not None


def _items_left(state: RunState, operation: Operation, start: FilteredFirstPage, seen: int) -> int:
    """Return how many items are left: a page that is full and the last has to say that no page follows."""
    listing, largest = state.listing(operation), int(largest_size(state, operation))
    return min(largest, max(1, len(listing.expect(start.parameters)) - seen)) if listing else largest


def _sizes_back(state: RunState, operation: Operation) -> tuple[str, str]:
    """Return the page sizes of a step backwards: fewer items than precede the page, and all of them.

    Which one comes first changes with the operation and with every run.
    """
    sizes = str(SMALL_SIZE + 2), largest_size(state, operation)
    return sizes if (crc32(operation.id.encode()) + state.seed) % 2 == 0 else (sizes[1], sizes[0])


def step_back_other_size(state: RunState, operation: Operation) -> Experiment:
    """Repeat the step backwards from the same cursor with the other page size."""
    history, start = state.list_history(operation), state.filtered_pages.get(operation.id)
    taken = [step for step in history.steps_back if step.page.exchange.purpose is Purpose.QUERY]
    before = taken[-1].page.exchange.query_value("before") if taken else None
    if start is not None and before is not None:
        since = state.count(operation)
        size = _sizes_back(state, operation)[1]
        yield list_call(start.base, (*taken[-1].traversal.selection, ("last", size), ("before", before)))
        yield from confirm_deviation(state, operation, since)


def flipped_direction(state: RunState, operation: Operation) -> Experiment:
    """Repeat the filtered first page with only `direction` flipped, to detect an ignored or swapped direction."""
    start, name = state.filtered_pages.get(operation.id), "direction"
    direction = dict(start.parameters).get(name) if start else None
    if start is None or direction is None:
        return
    since, flipped = state.count(operation), "desc" if direction == "asc" else "asc"
    sent = tuple((key, flipped if key == name else value) for key, value in start.page.query)
    yield replace(start.base, purpose=Purpose.QUERY, query=sent)
    yield from confirm_deviation(state, operation, since)


def smaller_pages(state: RunState, operation: Operation) -> Experiment:
    """Read a list with equal items again in smaller pages: equal items may be right, but their number has to stay."""
    base = state.base(operation) if operation.is_list else None
    whole = [walk for walk in state.list_history(operation).traversals if walk.is_whole] if base else []
    if base is None or not whole or len(set(whole[-1].ids)) == len(whole[-1].ids):
        return
    size = ("first", str(min(len(whole[-1].ids) // 2 + 1, int(largest_size(state, operation)))))
    page = yield list_call(base, (size,))
    for _ in range(state.page_limit):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        page = yield list_call(base, (size, ("after", after)))
    yield from reread_list(state, operation)


def nearly_unfiltered(state: RunState, operation: Operation) -> Experiment:
    """Request the list with filters that exclude next to nothing, in the order of the filtered first page."""
    listing, base = state.listing(operation), state.base(operation)
    start = state.filtered_pages.get(operation.id)
    if listing is None or base is None or start is None:
        return
    names = listing.parameters.declared.order
    order: Pairs = tuple(pair for pair in start.parameters if pair[0] in listing.parameters.sorts)
    if [name for name, _ in order] == [names["direction"]]:
        order = ((names["direction"], names["default_direction"]),)
    parameters = (*filter_values.weak_filters(listing, state.seed), *order)
    if parameters:
        since = state.count(operation)
        yield list_call(base, (*parameters, ("first", largest_size(state, operation))))
        yield from confirm_deviation(state, operation, since)


def remaining_orders(state: RunState, operation: Operation) -> Experiment:
    """Request the first page in every order that was not tried."""
    listing, base = state.listing(operation), state.base(operation)
    if listing is None or base is None or len(listing.items) < 2:
        return
    since = state.count(operation)
    for order in filter_values.orders(listing, state.seed)[1:]:
        yield list_call(base, (*order, ("first", "7")))
    yield from confirm_deviation(state, operation, since)


def single_filters(state: RunState, operation: Operation, tests: Collection[str] = ()) -> Experiment:
    """Request the list with one filter at a time, for filters that the traversal did not use.

    Each gets a value that some items have. `tests` restricts the filters to those kinds.
    """
    listing, base = state.listing(operation), state.base(operation)
    if listing is None or base is None or not listing.items:
        return
    since = state.count(operation)
    start = state.filtered_pages.get(operation.id)
    used = {name for name, _ in start.parameters} if start else set()
    for filter in listing.parameters.filters.values():
        is_due = filter.name not in used and (not tests or filter.test in tests)
        value = filter_values.discriminating_filter(listing, filter, state.seed) if is_due else None
        if value and not _selects_list(base, filter.name):
            call = list_call(base, (*value, ("first", largest_size(state, operation))))
            if not state.was_sent(call):
                yield call
    yield from confirm_deviation(state, operation, since)


def page_after_last(state: RunState, operation: Operation) -> Experiment:
    """Request the page after the last one, as clients do that read only `end_cursor`: it has to be empty."""
    history, base = state.list_history(operation), state.base(operation)
    if base is None:
        return
    own = (walk for walk in history.traversals if walk.pages[-1].exchange.path_params == base.path_params)
    walk = next((walk for walk in own if walk.pages[-1].is_last and walk.pages[-1].items), None)
    after = cursor(walk.pages[-1].exchange, "end_cursor") if walk else None
    if walk and after:
        since = state.count(operation)
        yield list_call(base, (*walk.selection, ("first", "5"), ("after", after)))
        yield from confirm_deviation(state, operation, since)


def impossible_filter(state: RunState, operation: Operation) -> Experiment:
    """Request the list with filters that match nothing: each page has to be empty."""
    listing, base = state.listing(operation), state.base(operation)
    if listing and listing.items and base:
        since = state.count(operation)
        for parameters in filter_values.impossible_filters(listing, state.seed):
            if not _selects_list(base, parameters[0][0]):
                yield list_call(base, parameters)
        yield from confirm_deviation(state, operation, since)


def confirm_deviation(state: RunState, operation: Operation, since: int) -> Experiment:
    """Repeat requests since `since` whose responses deviated, then read the list again.

    A deviation counts only if the list was the same before and after it: the data of a live API changes at any time.
    """
    calls = [call for call, _ in state.traces.get(operation.id, ())[since:] if call.purpose is Purpose.QUERY]
    if not calls:
        return
    for _ in range(CONFIRM_ATTEMPTS):
        if not suspected_violations(state.list_history(operation), since):
            return
        for call in calls:  # noqa: UP028 (`yield from` would send the responses to a list)
            yield call
        yield from reread_list(state, operation)
        if proven_violations(state.list_history(operation)):
            yield from isolate_parameter(state, operation, calls)
            return


def isolate_parameter(state: RunState, operation: Operation, calls: Sequence[Call]) -> Experiment:
    """Send each parameter of `calls` alone, if several of them could cause the deviation."""
    found = [violation.location for violation, _ in proven_violations(state.list_history(operation))]
    rules, base = state.rules(operation), state.base(operation)
    sent = [pair for call in calls for pair in call.query if pair[0] in rules.optional]
    names = list(dict.fromkeys(name for name, _ in sent))
    if base is None or len(names) < 2 or not found or any(map(names_parameter, found)):
        return
    for name in names:
        yield list_call(
            base, (*dict.fromkeys(pair for pair in sent if pair[0] == name), ("first", largest_size(state, operation)))
        )
    yield from reread_list(state, operation)


def list_call(base: Call, pairs: Pairs) -> Call:
    """Return the request of `base` with `pairs` instead of its page parameters."""
    required = tuple(pair for pair in base.query if pair[0] not in PAGING)
    return replace(base, purpose=Purpose.QUERY, query=(*required, *pairs))


def _selects_list(base: Call, name: str) -> bool:
    """Return whether `base` uses the parameter to say which list it requests."""
    return any(sent == name for sent, _ in base.query)
