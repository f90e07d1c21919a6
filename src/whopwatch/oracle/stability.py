"""Where the answers of one list are not as its whole lets expect: suspected from one look, proven by two.

A system that is in use changes while it is watched. Something is proven only where the whole list was seen before and
after it, and was the same both times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from whopwatch.contract.list_behaviour import PAGING
from whopwatch.core.exchange import Purpose
from whopwatch.oracle.expected_list import Listing
from whopwatch.oracle.list_rules import Broken, differences, differences_back, place_of_order
from whopwatch.oracle.traversal import Base, Observed, Walk, signature

Sighting = tuple[Broken, int]
"""What is broken, and the number of the exchange that began to show it."""

PAGES = frozenset(f"param:{name}" for name in (*PAGING, "order"))
"""What is blamed where an order or the way of paging is at fault, or something that shows itself there."""

Quiet = Callable[[Base, int, int], Listing | None]


def blames(broken: Broken) -> bool:
    """Whether it names the one filter, or the direction, that is at fault."""
    return broken.location.startswith("param:") and broken.location not in PAGES


def suspected(observed: Observed, since: int) -> list[Sighting]:
    """What the answers since the exchange `since` break, if the list is still as it was last seen whole."""
    return _all(observed, since, lambda base, first, _: observed.before(base, first))


def proven(observed: Observed) -> list[Sighting]:
    """What answers break while the list stood still."""
    return [*_all(observed, 0, observed.quiet), *_turned(observed), *_resized(observed)]


def _all(observed: Observed, since: int, listing_of: Quiet) -> list[Sighting]:
    broken = list(_broken(observed, since, listing_of))
    return broken or list(_unstable(observed, since, listing_of))


def _broken(observed: Observed, since: int, listing_of: Quiet) -> Iterator[Sighting]:
    for walk in observed.walks:
        is_asked = walk.pages[-1].exchange.purpose is Purpose.QUERY and walk.numbers[-1] >= since
        listing = listing_of(walk.base, _begun(walk), walk.numbers[-1]) if is_asked else None
        if listing:
            yield from ((broken, walk.numbers[0]) for broken in differences(listing, walk))
    for step in observed.steps_back:
        is_asked = step.page.exchange.purpose is Purpose.QUERY and step.number >= since
        listing = listing_of(step.walk.base, step.walk.numbers[0], step.number) if is_asked else None
        if listing:
            yield from ((broken, step.number) for broken in differences_back(listing, step))


def _begun(walk: Walk) -> int:
    """The first request of a walk that is not one for the whole list, which tells what to expect of the others."""
    pages = zip(walk.pages, walk.numbers, strict=True)
    return next(number for page, number in pages if page.exchange.purpose is Purpose.QUERY)


def _unstable(observed: Observed, since: int, listing_of: Quiet) -> Iterator[Sighting]:
    """Two looks under one order, at items that both show, in another order: those of equal rank have none."""
    asked = [walk for walk in observed.walks if walk.pages[0].exchange.purpose is Purpose.QUERY]
    for place, walk in enumerate(asked):
        if walk.numbers[-1] < since:
            continue
        order = [pair for pair in walk.asked if pair[0] in observed.rules.sorts]
        alike = (
            other
            for other in asked[:place]
            if other.base == walk.base and [pair for pair in other.asked if pair[0] in observed.rules.sorts] == order
        )
        for other in alike:
            now, then = walk.ids, other.ids
            common = set(now) & set(then)
            if [id for id in now if id in common] != [id for id in then if id in common]:
                if listing_of(walk.base, other.numbers[0], walk.numbers[-1]):
                    yield Broken("unstable", place_of_order(walk.asked)), walk.numbers[0]
                break


def _turned(observed: Observed) -> Iterator[Sighting]:
    """The whole list twice, with the same items, none of them changed, in another order."""
    whole = observed.whole if len(observed.walks) > 1 else ()
    for place, (walk, listing) in enumerate(whole):
        earlier = [other for known, other in whole[:place] if known.base == walk.base][-1:]
        for other in earlier:
            if listing.items == other.items:
                continue
            now, then = signature(listing), signature(other)
            if now != then and sorted(now) == sorted(then):
                yield Broken("unstable", "/data"), walk.numbers[0]


def _resized(observed: Observed) -> Iterator[Sighting]:
    """A list that shows equal items, the same before and after, and not as many of each in pages of another size.

    Only where items have no id: those that have are not to be shown twice in the first place.
    """
    whole = [walk for walk in observed.walks if walk.is_whole and walk.has_equals]
    for walk in observed.walks if whole else ():
        is_resized = walk.pages[0].exchange.purpose is Purpose.QUERY and not walk.asked and walk.is_ended
        alike = [other for other in whole if other.base == walk.base] if is_resized else []
        before = [other for other in alike if other.numbers[-1] < walk.numbers[0]][-1:]
        after = [other for other in alike if other.numbers[0] > walk.numbers[-1]][:1]
        for then, now in zip(before, after, strict=False):
            if Counter(then.ids) == Counter(now.ids) != Counter(walk.ids):
                yield Broken("resized", "/data/*"), walk.numbers[0]
