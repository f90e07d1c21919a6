"""Unseen faults of lists: wrong pages, directions, sort orders and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from benchmarks.detection.unseen.fields import on_success
from benchmarks.detection.unseen.front import Answer, Ask, Pairs, Twist, Upstream
from benchmarks.detection.unseen.place import Build, Place, Planted, Unseen
from benchmarks.detection.unseen.relisted import PAGING, Window, relisted

DATES = ("created_after", "created_before")


def _list(twist: Twist) -> Build:
    return lambda place: Planted(twist) if place.operation.is_list else None


def _optional(place: Place, *, array: bool = False) -> list[str]:
    """Return the filters of a list: optional query parameters other than those of pages and order."""
    aside = (*PAGING, "order", "direction")
    return [
        parameter.name
        for parameter in place.operation.in_("query")
        if not parameter.required and parameter.name not in aside and (parameter.is_array or not array)
    ]


def _filters(count: int, twist: Callable[[list[str]], Twist], *, array: bool = False) -> Build:
    """A fault of lists with at least `count` filters."""

    def build(place: Place) -> Planted | None:
        names = _optional(place, array=array)
        return Planted(twist(names)) if place.operation.is_list and len(names) >= count else None

    return build


def _having(name: str, twist: Twist) -> Build:
    return lambda place: Planted(twist) if place.operation.is_list and place.operation.parameter(name) else None


def _asked(rewrite: Callable[[Ask], Ask]) -> Twist:
    """The query is changed before the list handles it."""

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        return await upstream(rewrite(ask))

    return twist


def _info(**changes: Callable[[dict[str, Any]], Any]) -> Twist:
    def body(value: Any) -> Any:
        info = value["page_info"]
        return {**value, "page_info": {**info, **{name: change(info) for name, change in changes.items()}}}

    return on_success(body)


async def _endless(ask: Ask, upstream: Upstream) -> Answer:
    """The last page links to the first one."""
    answer = await upstream(ask)
    if not answer.ok or not ask.get("after") or answer.value["page_info"]["has_next_page"]:
        return answer
    top = await upstream(ask.without("after"))
    info = {**answer.value["page_info"], "has_next_page": True, "end_cursor": top.value["page_info"]["end_cursor"]}
    return answer.with_value({**answer.value, "page_info": info})


async def _before_from_top(ask: Ask, upstream: Upstream) -> Answer:
    """The page before a cursor is cut from the beginning of the list."""
    answer = await upstream(ask)
    if not answer.ok or ask.get("before") is None:
        return answer
    size = ask.get("last")
    return await upstream(ask.without("last", "before").with_(**({"first": size} if size else {})))


async def _last_reversed(ask: Ask, upstream: Upstream) -> Answer:
    answer = await upstream(ask)
    if not answer.ok or (ask.get("last") is None and ask.get("before") is None):
        return answer
    return answer.with_value({**answer.value, "data": answer.value["data"][::-1]})


async def _sorted_in_page(ask: Ask, upstream: Upstream) -> Answer:
    """The page is cut before it is sorted."""
    ordered = await upstream(ask)
    if not ordered.ok or not (ask.get("order") or ask.get("direction")) or ask.get("after") or ask.get("before"):
        return ordered
    whole = await upstream(ask.without(*PAGING).with_(first="100"))
    unordered = await upstream(ask.without("order", "direction"))
    rank = {item.get("id"): place for place, item in enumerate(whole.value["data"])}
    items = sorted(unordered.value["data"], key=lambda item: rank.get(item.get("id"), len(rank)))
    return ordered.with_value({**ordered.value, "data": items})


def _shuffled() -> Twist:
    turn = iter(range(1, 10**9))

    def body(value: Any) -> Any:
        data = value["data"]
        shift = next(turn) % len(data) if data else 0
        return {**value, "data": data[shift:] + data[:shift]}

    return on_success(body)


def _moved(change: Callable[[datetime], datetime]) -> Twist:
    """Timestamps in the query are shifted."""

    def value_of(name: str, text: str) -> str:
        if name not in DATES:
            return text
        try:
            return change(datetime.fromisoformat(text)).isoformat()
        except ValueError:
            return text

    return _asked(lambda ask: replace(ask, query=tuple((name, value_of(name, text)) for name, text in ask.query)))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _one_each(names: Iterable[str]) -> Callable[[Ask], Ask]:
    """Only the last of several values of a filter counts."""
    single = set(names)

    def rewrite(ask: Ask) -> Ask:
        last = {name: text for name, text in ask.query if name in single}
        others: Pairs = tuple(pair for pair in ask.query if pair[0] not in single)
        return replace(ask, query=(*others, *last.items()))

    return rewrite


def _first_only(names: list[str]) -> Callable[[Ask], Ask]:
    """Only the first of several filters counts."""

    def rewrite(ask: Ask) -> Ask:
        given = [name for name, _ in ask.query if name in names]
        return ask.without(*(name for name in given if name != given[0]))

    return rewrite


def _complement(names: list[str]) -> Twist:
    """A filter shows what it should exclude."""

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        if not answer.ok or not any(ask.get(name) for name in names):
            return answer
        kept = await upstream(ask.without(*PAGING).with_(first="100"))
        left_out = {item.get("id") for item in kept.value["data"]}
        return await relisted(arrange=lambda items: [item for item in items if item.get("id") not in left_out])(
            ask.without(*names), upstream
        )

    return twist


def _nothing_is_404(names: list[str]) -> Twist:
    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        if not answer.ok or answer.value["data"] or not any(ask.get(name) for name in names):
            return answer
        return answer.with_value({"error": {"type": "not_found", "message": "There is nothing here."}}, 404)

    return twist


def _unless(condition: Callable[[Ask], bool]) -> Callable[[list[str]], Twist]:
    """Filters are ignored under a condition."""
    return lambda names: _asked(lambda ask: ask.without(*names) if condition(ask) else ask)


def _first_parent(place: Place) -> Planted | None:
    """Every parent gets the items of the first one: a cache key without the parent."""
    required = [
        p.name for p in place.operation.parameters if p.required and p.name != "company_id" and p.location == "query"
    ]
    if not place.operation.is_list or not required:
        return None
    seen: dict[str, str] = {}

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        if not answer.ok:
            return answer
        for name in required:
            seen.setdefault(name, ask.get(name) or "")
        return await upstream(ask.with_(**seen))

    return Planted(twist)


def _cached_direction(place: Place) -> Planted | None:
    """The first response is cached for both directions."""
    if not place.operation.is_list or not place.operation.parameter("direction"):
        return None
    kept: dict[Ask, Answer] = {}

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return kept.setdefault(ask.without("direction"), answer) if answer.ok else answer

    return Planted(twist)


def _full_page_means_more(window: Window, size: int) -> bool:
    return window.has_next or (window.stop - window.start == size)


LISTS = (
    Unseen(
        "at-most-5",
        ("D11", "D13", "D20"),
        "first is cut to 5 without a word",
        _list(relisted(size=lambda asked: min(asked or 5, 5))),
        (3, 36),
    ),
    Unseen(
        "one-too-many",
        ("D20",),
        "pages hold one item more than asked for",
        _list(relisted(size=lambda asked: (asked or 10) + 1)),
        (1,),
    ),
    Unseen(
        "skips-one",
        ("D20",),
        "a page begins one item too late",
        _list(relisted(follow=lambda start: start + 1)),
        (12, 17),
    ),
    Unseen(
        "cursor-included",
        ("D20",),
        "a page begins with the cursor's item",
        _list(relisted(follow=lambda start: start - 1)),
        (11, 16),
    ),
    Unseen("endless", ("D20",), "the last page leads back to the first", _list(_endless), (9, 10)),
    Unseen(
        "one-page-only",
        ("D20",),
        "has_next_page is false on every page",
        _list(_info(has_next_page=lambda info: False)),
        (3, 12),
    ),
    Unseen(
        "stops-at-20",
        ("D20",),
        "nothing follows the twentieth item",
        _list(relisted(arrange=lambda items: items[:20])),
        (12, 44),
    ),
    Unseen(
        "cursor-of-the-first",
        ("D20",),
        "end_cursor belongs to the first item",
        _list(_info(end_cursor=lambda info: info["start_cursor"])),
        (6, 11),
    ),
    Unseen(
        "cursors-exchanged",
        ("D20",),
        "start_cursor and end_cursor are exchanged",
        _list(_info(end_cursor=lambda info: info["start_cursor"], start_cursor=lambda info: info["end_cursor"])),
        (6,),
    ),
    Unseen(
        "full-page-means-more",
        ("D20",),
        "a full last page promises another",
        _list(relisted(more=_full_page_means_more)),
        (3,),
    ),
    Unseen(
        "newest-twice",
        ("D20",),
        "the first item comes twice",
        _list(relisted(arrange=lambda items: items[:1] + items)),
        (11,),
    ),
    Unseen(
        "before-from-the-top",
        ("D20",),
        "before gives the top of the list",
        _having("last", _before_from_top),
        (20, 21),
    ),
    Unseen(
        "backwards-reversed",
        ("D20",),
        "pages read backwards come in reverse",
        _having("last", _last_reversed),
        (20, 21),
    ),
    Unseen(
        "nothing-before",
        ("D20",),
        "has_previous_page is always false",
        _list(_info(has_previous_page=lambda info: False)),
        (4,),
    ),
    Unseen("other-order-each-time", ("D20",), "each answer turns the page by one more", _list(_shuffled()), (18, 24)),
    Unseen(
        "sorted-in-the-page",
        ("D20",),
        "a page is cut before it is sorted",
        _having("direction", _sorted_in_page),
        (22, 23),
    ),
    Unseen("one-direction-cached", ("D20",), "both directions give what was asked for first", _cached_direction, (22,)),
    Unseen(
        "direction-with-order-lost",
        ("D20",),
        "direction does not count beside order",
        _having("order", _asked(lambda ask: ask.without("direction") if ask.get("order") else ask)),
        (22,),
    ),
    Unseen(
        "whole-days", ("D20",), "created_after counts from midnight", _having("created_after", _moved(_midnight)), (31,)
    ),
    Unseen(
        "five-hours-off",
        ("D20",),
        "dates of filters are taken in another zone",
        _having("created_after", _moved(lambda moment: moment + timedelta(hours=5))),
        (26, 31),
    ),
    Unseen(
        "dates-lost-together",
        ("D20",),
        "created_before does not count beside created_after",
        _having(
            "created_before", _asked(lambda ask: ask.without("created_before") if ask.get("created_after") else ask)
        ),
        (30,),
    ),
    Unseen(
        "last-value-counts",
        ("D20",),
        "of several values of a filter the last counts",
        _filters(1, lambda names: _asked(_one_each(names)), array=True),
        (29, 32),
    ),
    Unseen(
        "first-filter-counts",
        ("D20",),
        "of several filters the first counts",
        _filters(2, lambda names: _asked(_first_only(names))),
        (30,),
    ),
    Unseen(
        "filter-left-behind",
        ("D20",),
        "filters do not count beyond the first page",
        _filters(1, _unless(lambda ask: ask.get("after") is not None)),
        (27,),
    ),
    Unseen(
        "filter-or-order",
        ("D20",),
        "filters do not count beside order",
        lambda place: (
            _filters(1, _unless(lambda ask: ask.get("order") is not None))(place)
            if place.operation.parameter("order")
            else None
        ),
        (26, 30),
    ),
    Unseen(
        "complement", ("D20",), "a filter shows what it should leave out", _filters(1, _complement, array=True), (26,)
    ),
    Unseen(
        "nothing-is-404",
        ("D1", "D14", "D15", "D20"),
        "404 where a filter leaves nothing",
        _filters(1, _nothing_is_404),
        (33,),
    ),
    Unseen(
        "first-parent-sticks",
        ("D20",),
        "every parent has the items of the first one asked for",
        _first_parent,
        (26, 45),
    ),
    Unseen(
        "large-pages-cut",
        ("D13", "D20"),
        "first beyond 20 gives 20 and says that nothing follows",
        _list(
            relisted(size=lambda asked: min(asked or 10, 20), more=lambda window, size: window.has_next and size < 20)
        ),
        (13, 36),
    ),
)
"""Faults of lists."""
