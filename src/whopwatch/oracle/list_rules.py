"""What a walk shows against what the whole list lets expect: each way of differing has a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from whopwatch.contract.list_behaviour import Pairs
from whopwatch.core.finding import Severity
from whopwatch.oracle.expected_list import TELLING, Candidate, Listing, grouped
from whopwatch.oracle.page import Page
from whopwatch.oracle.traversal import StepBack, Walk

WHOLE = 100
"""A page of so many items is all of most lists."""
CRITICAL, HIGH, LOW = Severity.CRITICAL, Severity.HIGH, Severity.LOW


@dataclass(frozen=True, slots=True)
class Rule:
    """A named invariant of a list: how bad it is to break it, and how a person would say it."""

    severity: Severity
    expected: str
    observed: str
    what: str


RULES: Mapping[str, Rule] = {
    "ignored": Rule(HIGH, "items as it asks for", "the answer as it would be without", "{param} has no effect"),
    "misread": Rule(HIGH, "items as it asks for", "those of another value", "{param} is read as another value"),
    "refused": Rule(HIGH, "a page of the list", "a refusal", "a documented request with {param} is refused"),
    "too-many": Rule(HIGH, "no more items than asked for", "more", "a page has more items than asked for"),
    "foreign": Rule(CRITICAL, "items of the list", "others", "it shows an item that is not in the whole list"),
    "excluded": Rule(HIGH, "what the filter lets through", "others, too", "{param} lets through what it excludes"),
    "missing": Rule(CRITICAL, "every item asked for", "an item missing", "an item that was asked for is not shown"),
    "skipped": Rule(CRITICAL, "the items right after the cursor", "later ones", "a page begins late, items are lost"),
    "lost": Rule(CRITICAL, "every item until the end", "an early end", "the list ends before all its items were shown"),
    "order": Rule(HIGH, "items in the order asked for", "another order", "items are not in the order asked for"),
    "unstable": Rule(HIGH, "the same order each time", "another one", "the same list comes in another order each time"),
    "loop": Rule(CRITICAL, "another cursor each", "the same twice", "a walk meets an end cursor twice, it never ends"),
    "resized": Rule(HIGH, "the same items", "others", "the same list has other items in pages of another size"),
    "twice": Rule(CRITICAL, "every item once", "an item twice", "a walk meets an item twice"),
    "again": Rule(CRITICAL, "the items after the cursor", "earlier ones", "a page after a cursor shows earlier items"),
    "endless": Rule(HIGH, "has_next_page false at the end", "true", "the last page announces another one"),
    "cut": Rule(CRITICAL, "has_next_page true while items follow", "false", "a page denies the items that follow it"),
    "other-side": Rule(LOW, "what is on the other side", "the opposite", "a page is wrong about its other side"),
    "back": Rule(HIGH, "the items before it", "others", "going back does not show the page before"),
    "back-more": Rule(HIGH, "whether more precede", "the opposite", "going back, a page is wrong about the rest"),
}  # fmt: skip
"""The invariants of a list whose whole is known."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule (a key of RULES) that does not hold, and where."""

    rule: str
    location: str


def differences(listing: Listing, walk: Walk) -> list[Broken]:
    """Every way in which a walk differs from what `listing` lets expect; the first page that does ends the search."""
    expected = listing.expect(walk.asked)
    joined: list[str] = []
    for place, page in enumerate(walk.pages):
        begun = (walk.asked, *walk.pages[: place + 1])
        if begun in listing.kept:
            joined += page.ids
            continue
        if not page.usable:
            return _refusal(walk, page)
        found = list(_of_page(listing, expected, walk.asked, joined, page))
        if found:
            explained = _explanation(listing, walk, page) if place == 0 else _restart(walk, page)
            return [explained] if explained else _attributed(_causes(found), walk, page)
        if page.ids and any(page.info("end_cursor") == earlier.info("end_cursor") for earlier in walk.pages[:place]):
            return [Broken("loop", "/page_info/end_cursor")]
        joined += page.ids
        listing.kept.add(begun)
    return []


def _refusal(walk: Walk, page: Page) -> list[Broken]:
    """A request that keeps the documentation is answered with a 4xx that blames it."""
    if page.exchange.status not in (400, 404, 422):
        return []
    error = page.exchange.json
    detail = error.get("error") if isinstance(error, dict) else None
    blamed = detail.get("param") if isinstance(detail, dict) else None
    sent = [name for name, _ in page.exchange.query]
    names = list(dict.fromkeys(name for name, _ in walk.asked))
    if blamed in sent:
        return [Broken("refused", f"param:{blamed}")]
    return [Broken("refused", f"param:{names[0]}" if len(names) == 1 else "status")]


def _of_page(
    listing: Listing, expected: Mapping[str, Candidate], asked: Pairs, joined: Sequence[str], page: Page
) -> Iterator[Broken]:
    seen = set(joined)
    size = page.size()
    if size is not None and len(page.ids) > size:
        yield Broken("too-many", "param:first")
    yield from _strangers(listing, expected, asked, page)
    if all("id" in item for item in page.items):
        if len(set(page.ids)) < len(page.ids):
            yield Broken("twice", "/data/*/id")
        elif seen.intersection(page.ids):
            yield Broken("again", "param:after")
    yield from _order(expected, asked, joined, page)
    left = [candidate for id, candidate in expected.items() if id not in seen]
    yield from _gaps(expected, left, page)
    yield from _ends(expected, left, page)
    has_before = page.info("has_previous_page")
    is_told = isinstance(has_before, bool) and listing.rules.declared.pages["other_side"] == "exact"
    if is_told and has_before is not bool(joined):
        yield Broken("other-side", "/page_info/has_previous_page")


def _strangers(listing: Listing, known: Mapping[str, Candidate], asked: Pairs, page: Page) -> Iterator[Broken]:
    wanted = grouped(asked)
    for id in page.ids:
        if id not in listing.by_id:
            names = [name for name in wanted if name not in listing.rules.sorts]
            yield Broken("foreign", f"param:{names[0]}" if len(names) == 1 else "/data")
        elif id not in known:
            for name, values in wanted.items():
                if name in listing.rules.filters and listing.excludes(name, values, id):
                    yield Broken("excluded", f"param:{name}")


def _order(known: Mapping[str, Candidate], asked: Pairs, joined: Sequence[str], page: Page) -> Iterator[Broken]:
    ranks = [rank for id in (*joined[-1:], *page.ids) if id in known and (rank := known[id].rank) is not None]
    if any(earlier > later for earlier, later in pairwise(ranks)):
        is_turned = "direction" in dict(asked) and len(set(ranks)) >= TELLING and ranks == sorted(ranks, reverse=True)
        yield Broken("order", "param:direction" if is_turned else place_of_order(asked))


def place_of_order(asked: Pairs) -> str:
    """The parameter that an order is owed to."""
    names = dict(asked)
    return "param:order" if "order" in names else "param:direction" if "direction" in names else "/data"


def _gaps(known: Mapping[str, Candidate], left: Sequence[Candidate], page: Page) -> Iterator[Broken]:
    """Items that should stand before the last one of the page, and do not."""
    ranks = _ranks(known, page)
    if not ranks:
        return
    shown = set(page.ids)
    missing = [c.rank for c in left if c.certain and c.id not in shown and c.rank is not None and c.rank < max(ranks)]
    if any(rank < min(ranks) for rank in missing):
        yield Broken("skipped", "param:after" if page.exchange.query_value("after") else "/data")
    elif missing:
        yield Broken("missing", "/data")


def _ranks(known: Mapping[str, Candidate], page: Page) -> list[int]:
    return [rank for id in page.ids if id in known and (rank := known[id].rank) is not None]


def _ends(known: Mapping[str, Candidate], left: Sequence[Candidate], page: Page) -> Iterator[Broken]:
    """What a page says of those behind it. Items that should stand before its last one are gaps, and no early end."""
    shown, last = set(page.ids), max(_ranks(known, page), default=None)
    rest = [candidate for candidate in left if candidate.id not in shown]
    behind = [c for c in rest if last is None or c.rank is None or c.rank >= last]
    size, more = page.size(), page.info("has_next_page")
    if more is False and any(candidate.certain for candidate in behind):
        is_full = size is None or len(page.ids) >= size
        yield Broken("cut", "/page_info/has_next_page") if is_full and page.ids else Broken("lost", "/data")
    elif more is True and not rest:
        yield Broken("endless", "/page_info/has_next_page")


def _causes(found: list[Broken]) -> list[Broken]:
    """`found` without what follows from the rest of it.

    Where items of earlier pages are shown again, the order cannot be right, and others have no room; where the order
    is wrong, items that should stand before others stand elsewhere.
    """
    rules = {one.rule for one in found}
    follows = (
        ("order", "missing", "skipped") if "again" in rules else ("missing", "skipped") if "order" in rules else ()
    )
    return [one for one in found if one.rule not in follows]


def _attributed(found: list[Broken], walk: Walk, page: Page) -> list[Broken]:
    """What is missing from a page that is all there is, under one parameter alone, is that parameter's doing."""
    names = {name for name, _ in walk.asked}
    if len(names) != 1 or len(walk.pages) != 1 or (page.size() or 0) < WHOLE:
        return found
    (name,) = names
    by_it = ("missing", "lost", "cut", "skipped")
    return [Broken(one.rule, f"param:{name}" if one.rule in by_it else one.location) for one in found]


def _explanation(listing: Listing, walk: Walk, page: Page) -> Broken | None:
    """The one parameter without which, or with another value of which, the first page is as it is."""
    for rule, name, other in _readings(walk.asked):
        expected = listing.expect(other)
        is_certain = all(c.certain and c.rank is not None for c in expected.values())
        if page.ids and is_certain and not any(_of_page(listing, expected, other, [], page)):
            return Broken("excluded" if _is_one_too_many(listing, walk.asked, name, page) else rule, f"param:{name}")
    return None


def _is_one_too_many(listing: Listing, asked: Pairs, name: str, page: Page) -> bool:
    """Whether a page shows one single item that a filter excludes: a filter without effect would show others, too."""
    values = grouped(asked)[name]
    return name in listing.rules.filters and sum(listing.excludes(name, values, id) for id in page.ids) == 1


def _readings(asked: Pairs) -> Iterator[tuple[str, str, Pairs]]:
    """Ways to misunderstand a request: without one parameter, with one of its values, in the other direction."""
    for name, values in grouped(asked).items():
        rest = tuple(pair for pair in asked if pair[0] != name)
        yield "ignored", name, rest
        if len(values) > 1:
            yield "misread", name, (*rest, (name, values[0]))
            yield "misread", name, (*rest, (name, values[-1]))
        if name == "direction":
            yield "misread", name, (*rest, (name, "asc" if values[-1] == "desc" else "desc"))


def _restart(walk: Walk, page: Page) -> Broken | None:
    """The cursor is ignored: the page begins where the walk began."""
    if page.ids and page.ids[: len(walk.pages[0].ids)] == walk.pages[0].ids[: len(page.ids)]:
        return Broken("again", "param:after")
    return None


def differences_back(listing: Listing, step: StepBack) -> list[Broken]:
    """Every way in which a step back differs from the pages before it, provided that those are right."""
    page, walk = step.page, step.walk
    if differences(listing, walk):
        return []
    if not page.usable:
        return [Broken("refused", "param:before")] if page.exchange.status in (400, 404, 422) else []
    size = page.size("last")
    earlier = [id for page in walk.pages[:-1] for id in page.ids]
    expected = earlier[-size:] if size else earlier[-len(page.ids) :]
    between = [id for id in page.ids if id not in earlier]
    if (
        between
        and set(between) <= listing.expect(walk.asked).keys() - {*walk.ids}
        and _is_tail(page.ids, earlier, between)
    ):
        return [Broken("skipped", "param:after")]
    return list(_of_step(page, walk, earlier, expected, size))


def _is_tail(ids: Sequence[str], earlier: Sequence[str], between: Sequence[str]) -> bool:
    """Whether a page back shows the pages before it, but for items that the walk forward passed over."""
    rest = [id for id in ids if id not in between]
    return bool(rest) and rest == list(earlier[-len(rest) :])


def _of_step(
    page: Page, walk: Walk, earlier: Sequence[str], expected: Sequence[str], size: int | None
) -> Iterator[Broken]:
    if size is not None and len(page.ids) > size:
        yield Broken("too-many", "param:last")
    elif page.ids == earlier[: len(expected)] and page.ids != expected and page.ids:
        yield Broken("back", "param:last")
    elif page.ids != expected:
        yield Broken("back", "param:before")
    elif page.info("has_previous_page") is (len(earlier) <= len(expected)):
        yield Broken("back-more", "/page_info/has_previous_page")
    elif page.info("has_next_page") is False:
        yield Broken("other-side", "/page_info/has_next_page")
