"""What is asked of a list once its whole is known: walks under filters and orders, and again where they surprise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.contract.list_behaviour import PAGING, Pairs
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.oracle.stability import blames, proven, suspected
from whopwatch.planning import filter_values as compose
from whopwatch.planning.state import Experiment, Known, Look, cursor, has_next, items

WHOLE = "100"
SMALL = 3
BACK = (str(SMALL + 2), WHOLE)
"""How many items are asked for backwards: fewer than there are, or all."""
ENOUGH = 12
"""Items that a list has at least where its default page size leaves something over, as far as anybody knows."""
ATTEMPTS = 2
"""Times that something is asked again until the list stood still around it."""


def complete(known: Known, operation: Operation) -> Experiment:
    """The rest of the list whose first page was seen, as far as the budget can afford."""
    trace = known.first_page(operation) if operation.is_list else None
    if trace and has_next(trace[1]) and known.listing(operation) is None:
        yield from walk_on(*trace, known.pages)


def walk_on(call: Call, page: Exchange, pages: int) -> Experiment:
    """The pages after `page`, which answered `call`: to the end, to the last of `pages`, or to a cursor seen before."""
    seen: set[str] = set()
    for _ in range(pages - 1):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None or after in seen:
            return
        seen.add(after)
        page = yield replace(call, purpose=Purpose.NEXT_PAGE, query=(*call.query, ("after", after)))


def again(known: Known, operation: Operation) -> Experiment:
    """The whole list once more."""
    trace = known.first_page(operation)
    if trace is not None:
        page = yield trace[0]
        yield from walk_on(trace[0], page, known.pages)


def look_filtered(known: Known, operation: Operation, *, telling: bool = False) -> Experiment:
    """The first page under several filters and an order, of the default size; if `telling`, not under fewer."""
    listing, base = known.listing(operation), known.base(operation)
    look = known.looks.get(operation.id)
    if listing is None or base is None or len(listing.items) < 2 or (look and look.base == base):
        return
    orders = compose.orders(listing, known.seed)
    filters = compose.several_filters(listing, known.seed)
    if telling and not (compose.is_varied(listing, filters) and orders and len(orders[0]) > 1):
        return
    asked = (*filters, *(orders[0] if orders else ()))
    count = len(listing.expect(asked))
    first: Pairs = () if count > ENOUGH else (("first", str(max(1, count // 3))),)
    since = known.count(operation)
    known.looks[operation.id] = Look(base, asked, since, (yield query(base, (*asked, *first))))
    yield from settle(known, operation, since)


def look_at_all(known: Known, operation: Operation) -> Experiment:
    """Such a page, of a list with whatever filters it has, where no list had several."""
    if not known.looks:
        yield from look_filtered(known, operation)


def walk_filtered(known: Known, operation: Operation) -> Experiment:
    """On from that page: a small one, the rest, and one back."""
    look, base = known.looks.get(operation.id), known.base(operation)
    if look is None or base is None or look.base != base or suspected(known.observed(operation), look.since):
        return
    page, since = look.page, look.since
    if page.ok and not has_next(page) and page.query_value("first") is None and len(items(page)) > 2:
        since = known.count(operation)
        page = yield query(base, (*look.asked, ("first", str(len(items(page)) // 3))))
    seen = len(items(page))
    for size in (SMALL, 0):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        page = yield query(
            base, (*look.asked, ("first", str(size or _rest(known, operation, look, seen))), ("after", after))
        )
        seen += len(items(page))
    before = cursor(page, "start_cursor")
    if page.query_value("after") and before:
        yield query(base, (*look.asked, ("last", BACK[_side(known, operation)]), ("before", before)))
    yield from settle(known, operation, since)


def _rest(known: Known, operation: Operation, look: Look, seen: int) -> int:
    """As many items as are left: a full page that is the last one has to say so."""
    listing = known.listing(operation)
    return max(1, len(listing.expect(look.asked)) - seen) if listing else int(WHOLE)


def _side(known: Known, operation: Operation) -> int:
    return (crc32(operation.id.encode()) + known.seed) % 2


def back_again(known: Known, operation: Operation) -> Experiment:
    """Once more back from the same cursor, with the other size: more items than there are, or fewer."""
    observed, look = known.observed(operation), known.looks.get(operation.id)
    taken = [step for step in observed.steps_back if step.page.exchange.purpose is Purpose.QUERY]
    before = taken[-1].page.exchange.query_value("before") if taken else None
    if look is not None and before is not None:
        since = known.count(operation)
        asked = taken[-1].walk.asked
        yield query(look.base, (*asked, ("last", BACK[1 - _side(known, operation)]), ("before", before)))
        yield from settle(known, operation, since)


def other_direction(known: Known, operation: Operation) -> Experiment:
    """The look once more, in the other direction and in nothing else different: one may be taken for the other."""
    look, name = known.looks.get(operation.id), "direction"
    asked = dict(look.asked).get(name) if look else None
    if look is None or asked is None:
        return
    since, turned = known.count(operation), "desc" if asked == "asc" else "asc"
    sent = tuple((key, turned if key == name else value) for key, value in look.page.query)
    yield replace(look.base, purpose=Purpose.QUERY, query=sent)
    yield from settle(known, operation, since)


def other_size(known: Known, operation: Operation) -> Experiment:
    """A list that shows equal items, which may be right, in smaller pages: they have to be as many there."""
    base = known.base(operation) if operation.is_list else None
    whole = [walk for walk in known.observed(operation).walks if walk.is_whole] if base else []
    if base is None or not whole or len(set(whole[-1].ids)) == len(whole[-1].ids):
        return
    size = ("first", str(len(whole[-1].ids) // 2 + 1))
    page = yield query(base, (size,))
    for _ in range(known.pages):
        after = cursor(page, "end_cursor")
        if not has_next(page) or after is None:
            break
        page = yield query(base, (size, ("after", after)))
    yield from again(known, operation)


def nearly_all(known: Known, operation: Operation) -> Experiment:
    """The list under filters that take next to nothing away, in the order of the look, or downwards."""
    listing, base = known.listing(operation), known.base(operation)
    look = known.looks.get(operation.id)
    if listing is None or base is None or look is None:
        return
    names = listing.rules.declared.order
    order: Pairs = tuple(pair for pair in look.asked if pair[0] in listing.rules.sorts)
    if [name for name, _ in order] == [names["direction"]]:
        order = ((names["direction"], names["default_direction"]),)
    asked = (*compose.nearly_all(listing, known.seed), *order)
    if asked:
        since = known.count(operation)
        yield query(base, (*asked, ("first", WHOLE)))
        yield from settle(known, operation, since)


def other_orders(known: Known, operation: Operation) -> Experiment:
    """The first page under every further order."""
    listing, base = known.listing(operation), known.base(operation)
    if listing is None or base is None or len(listing.items) < 2:
        return
    since = known.count(operation)
    for asked in compose.orders(listing, known.seed)[1:]:
        yield query(base, (*asked, ("first", "7")))
    yield from settle(known, operation, since)


def single_filters(known: Known, operation: Operation, tests: Collection[str] = ()) -> Experiment:
    """Each filter by itself that the walk could not have, with a value that some items have; all, or some `tests`."""
    listing, base = known.listing(operation), known.base(operation)
    if listing is None or base is None or not listing.items:
        return
    since = known.count(operation)
    look = known.looks.get(operation.id)
    walked = {name for name, _ in look.asked} if look else set()
    for filter in listing.rules.filters.values():
        is_due = filter.name not in walked and (not tests or filter.test in tests)
        asked = compose.alone(listing, filter, known.seed) if is_due else None
        if asked and not _is_base(base, filter.name):
            call = query(base, (*asked, ("first", WHOLE)))
            if not known.has_asked(call):
                yield call
    yield from settle(known, operation, since)


def beyond_the_end(known: Known, operation: Operation) -> Experiment:
    """The page after the last one, for which clients ask that look at end_cursor alone: an empty one."""
    observed, base = known.observed(operation), known.base(operation)
    ends = (walk for walk in observed.walks if walk.pages[-1].is_last and walk.pages[-1].items)
    walk = next(ends, None) if base else None
    after = cursor(walk.pages[-1].exchange, "end_cursor") if walk else None
    if walk and base and after:
        since = known.count(operation)
        yield query(base, (*walk.asked, ("first", "5"), ("after", after)))
        yield from settle(known, operation, since)


def impossible_filter(known: Known, operation: Operation) -> Experiment:
    """Filters that nothing passes: an empty page each."""
    listing, base = known.listing(operation), known.base(operation)
    if listing and listing.items and base:
        since = known.count(operation)
        for asked in compose.impossible(listing, known.seed):
            if not _is_base(base, asked[0][0]):
                yield query(base, asked)
        yield from settle(known, operation, since)


def settle(known: Known, operation: Operation, since: int) -> Experiment:
    """Where answers since `since` were not as the list lets expect: ask once more, and for the list after that.

    What two looks at an unchanged list agree on is no accident of a system that moves.
    """
    calls = [call for call, _ in known.traces.get(operation.id, ())[since:] if call.purpose is Purpose.QUERY]
    if not calls:
        return
    for _ in range(ATTEMPTS):
        if not suspected(known.observed(operation), since):
            return
        for call in calls:  # noqa: UP028 (`yield from` would send the answers to a list)
            yield call
        yield from again(known, operation)
        if proven(known.observed(operation)):
            yield from attribute(known, operation, calls)
            return


def attribute(known: Known, operation: Operation, calls: Sequence[Call]) -> Experiment:
    """Each parameter of requests that disappointed by itself, where several could be the reason."""
    found = [broken for broken, _ in proven(known.observed(operation))]
    rules, base = known.rules(operation), known.base(operation)
    asked = [pair for call in calls for pair in call.query if pair[0] in rules.optional]
    names = list(dict.fromkeys(name for name, _ in asked))
    if base is None or len(names) < 2 or not found or any(map(blames, found)):
        return
    for name in names:
        yield query(base, (*dict.fromkeys(pair for pair in asked if pair[0] == name), ("first", WHOLE)))
    yield from again(known, operation)


def query(base: Call, pairs: Pairs) -> Call:
    """The request for a list with `pairs` besides what it cannot do without."""
    needed = tuple(pair for pair in base.query if pair[0] not in PAGING)
    return replace(base, purpose=Purpose.QUERY, query=(*needed, *pairs))


def _is_base(base: Call, name: str) -> bool:
    return any(sent == name for sent, _ in base.query)
