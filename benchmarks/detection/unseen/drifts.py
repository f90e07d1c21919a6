"""Unseen faults of upgrades, caches and gateways, each seen at a payments API before."""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.detection.unseen.fields import Change, at_a_field, changing, is_date, on_success
from benchmarks.detection.unseen.front import Answer, Ask, Twist, Upstream
from benchmarks.detection.unseen.objects import is_retrieve, is_text, retrieved
from benchmarks.detection.unseen.place import Build, Place, Planted, Site, Unseen
from benchmarks.detection.unseen.relisted import PAGING

SORT = ("order", "direction")


# Changes of single values


def _in_list(fits: Callable[[Site], bool], change: Change) -> Build:
    """Apply `change` to a field of list items that the retrieve operation also shows."""

    def build(place: Place) -> Planted | None:
        retrieve = place.contract.operations.get(f"{place.operation.resource}.retrieve")
        if retrieve is None or place.operation.id != f"{place.operation.resource}.list":
            return None
        there = replace(place, operation=retrieve)
        if not is_retrieve(there):
            return None
        shown = {site.path[0] for site in there.sites(lambda site: len(site.path) == 1)}
        site = place.pick(lambda site: len(site.path) == 3 and site.path[2] in shown and fits(site))
        return Planted(on_success(changing(site, change, null=False)), site.location) if site else None

    return build


def _is_object(site: Site) -> bool:
    return "properties" in site.schema


def _is_worded(site: Site) -> bool:
    """An enum with values of several words."""
    return any("_" in str(value) for value in site.schema.get("enum", ()))


def _is_own_id(site: Site) -> bool:
    return site.path == ("data", "*", "id")


# Lists under filters


def _filtered(rework: Callable[[Ask, Upstream, list[str]], Any]) -> Build:
    """A fault of a list under a filter."""

    def build(place: Place) -> Planted | None:
        names = [p.name for p in place.operation.in_("query") if not p.required and p.name not in (*PAGING, *SORT)]

        async def twist(ask: Ask, upstream: Upstream) -> Answer:
            if not any(ask.get(name) for name in names):
                return await upstream(ask)
            found: Answer = await rework(ask, upstream, names)
            return found

        return Planted(twist) if place.operation.is_list and names else None

    return build


async def _cut_before(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
    """The page is cut from the whole list first, and filtered afterwards."""
    kept, whole = await upstream(ask.without(*PAGING).with_(first="100")), await upstream(ask)
    plain = await upstream(ask.without(*names, "after", "before"))
    if not (kept.ok and whole.ok and plain.ok) or ask.get("after") or ask.get("before"):
        return whole
    ids = [item.get("id") for item in kept.value["data"]]
    shown = [item for item in plain.value["data"] if item.get("id") in ids]
    return whole.with_value({**whole.value, "data": shown})


async def _repeated(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
    return await upstream(ask.without("after"))


async def _ended(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
    answer = await upstream(ask)
    if not answer.ok:
        return answer
    return answer.with_value({**answer.value, "page_info": {**answer.value["page_info"], "has_next_page": False}})


async def _overlapping(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
    """A later page begins with the last item of the previous one."""
    answer = await upstream(ask)
    if not answer.ok or not ask.get("after") or not answer.value["data"]:
        return answer
    whole = (await upstream(ask.without(*PAGING).with_(first="100"))).value["data"]
    place = whole.index(answer.value["data"][0]) if answer.value["data"][0] in whole else 0
    before = whole[max(0, place - 1) : place]
    return answer.with_value({**answer.value, "data": [*before, *answer.value["data"][: -len(before) or None]]})


async def _turned(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
    """Filters reverse a list with a direction."""
    return await upstream(ask.with_(direction="desc" if ask.get("direction") == "asc" else "asc"))


def _turning(place: Place) -> Planted | None:
    return _filtered(_turned)(place) if place.operation.parameter("direction") else None


def _cached_filter(place: Place) -> Planted | None:
    """The first response under a filter is cached for other values."""
    kept: dict[tuple[str, ...], Answer] = {}

    async def remembered(ask: Ask, upstream: Upstream, names: list[str]) -> Answer:
        answer = await upstream(ask)
        key = (ask.path, *sorted({name for name, _ in ask.query}), ask.get("after") or "", ask.get("before") or "")
        return kept.setdefault(key, answer) if answer.ok else answer

    return _filtered(remembered)(place)


# Whole responses


def _of_lists(change: Change) -> Build:
    return lambda place: Planted(on_success(change)) if place.operation.is_list else None


def _bytes(change: Callable[[Answer], Answer]) -> Build:
    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return change(answer) if answer.ok else answer

    return lambda place: Planted(twist)


def _empty(change: Callable[[Answer], Answer]) -> Build:
    """A fault of pages without items."""

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return change(answer) if answer.ok and answer.value["data"] == [] else answer

    return lambda place: Planted(twist) if place.operation.is_list else None


def _without_info_at_the_end(value: Any) -> Any:
    return value if value["page_info"]["has_next_page"] else {"data": value["data"]}


def _latin(answer: Answer) -> Answer:
    value = answer.body.decode().encode("latin-1", "replace")
    return replace(answer, body=value).with_headers({"content-type": "application/json; charset=iso-8859-1"})


def _zipped_twice(answer: Answer) -> Answer:
    return replace(answer, body=gzip.compress(gzip.compress(answer.body))).with_headers({"content-encoding": "gzip"})


def _limited(place: Place) -> Planted:
    """Every third request gets 429 without Retry-After."""
    count = iter(range(10**9))

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        error = {"error": {"type": "rate_limit_exceeded", "message": "Too many requests."}}
        return answer.with_value(error, 429) if next(count) % 3 == 2 and answer.ok else answer

    return Planted(twist)


async def _to_the_start(ask: Ask, upstream: Upstream) -> Answer:
    answer = await upstream(ask)
    gone = replace(answer, status=302, body=b"").with_headers({"location": "/", "content-type": "text/html"})
    return gone if answer.status == 404 else answer


def _by_id(twist: Twist) -> Build:
    return lambda place: Planted(twist) if "{" in place.operation.path and not place.operation.is_list else None


_ERROR = {"error": {"type": "bad_request", "message": "Something went wrong."}}

DRIFTS = (
    Unseen(
        "id-in-small-letters", ("D12", "D20"), "ids are lower-cased in the list", _in_list(_is_own_id, str.lower), (43,)
    ),
    Unseen(
        "padded-in-the-list", ("D20",), "a string ends with blanks", _in_list(is_text, lambda text: f"{text}  "), (43,)
    ),
    Unseen(
        "whole-seconds-in-the-list",
        ("D12", "D20"),
        "a moment loses its milliseconds",
        _in_list(is_date, lambda text: f"{text[:19]}Z"),
        (43,),
    ),
    Unseen(
        "decomposed-when-retrieved",
        ("D12", "D20"),
        "accents are separate characters",
        retrieved(is_text, lambda text, _: unicodedata.normalize("NFD", f"{text}é")),
        (43,),
    ),
    Unseen(
        "array-reversed-when-retrieved",
        ("D20",),
        "an array comes the other way round",
        retrieved(lambda site: "items" in site.schema, lambda items, _: items[::-1]),
        (43,),
    ),
    Unseen(
        "empty-object-for-null", ("D5", "D7", "D18"), "null becomes {}", at_a_field(_is_object, lambda _: {}, null=True)
    ),
    Unseen("empty-array-for-null", ("D7",), "null becomes []", at_a_field(_is_object, lambda _: [], null=True)),
    Unseen("zero-for-null", ("D7",), "a date that is null becomes 0", at_a_field(is_date, lambda _: 0, null=True)),
    Unseen(
        "object-in-an-array", ("D7",), "a nested object is in an array", at_a_field(_is_object, lambda part: [part])
    ),
    Unseen(
        "enum-with-hyphens",
        ("D10",),
        "the words of an enum's values are joined by hyphens",
        at_a_field(_is_worded, lambda value: value.replace("_", "-")),
    ),
    Unseen(
        "filtered-after-cut", ("D13", "D20"), "a page is cut first and filtered then", _filtered(_cut_before), (13, 29)
    ),
    Unseen("filtered-pages-repeat", ("D20",), "under a filter `after` is ignored", _filtered(_repeated), (9, 10)),
    Unseen("filtered-ends-early", ("D20",), "under a filter nothing ever follows", _filtered(_ended), (3, 12)),
    Unseen(
        "filtered-pages-overlap", ("D20",), "under a filter pages overlap by one", _filtered(_overlapping), (11, 16)
    ),
    Unseen("filter-turns-the-list", ("D20",), "under a filter the direction is the other one", _turning, (22,)),
    Unseen(
        "filter-value-cached", ("D20",), "a filter's first answer is given for all its values", _cached_filter, (28,)
    ),
    Unseen(
        "empty-list-is-204",
        ("D14", "D16"),
        "a page without items is 204",
        _empty(lambda answer: replace(answer, status=204, body=b"")),
    ),
    Unseen(
        "empty-list-is-null",
        ("D9",),
        "data is null where there is nothing",
        _empty(lambda answer: answer.with_value({**answer.value, "data": None})),
    ),
    Unseen("page-info-lost-at-the-end", ("D5",), "the last page has no page_info", _of_lists(_without_info_at_the_end)),
    Unseen("list-in-result", ("D5", "D19"), "a list is in `result`", _of_lists(lambda value: {"result": value})),
    Unseen(
        "json-called-html",
        ("D16",),
        "JSON is called text/html",
        _bytes(lambda answer: answer.with_headers({"content-type": "text/html; charset=utf-8"})),
    ),
    Unseen("latin-1", ("D12", "D16"), "bodies are ISO 8859-1, and say so", _bytes(_latin)),
    Unseen(
        "byte-order-mark",
        ("D12", "D16"),
        "bodies begin with a byte order mark",
        _bytes(lambda answer: replace(answer, body=b"\xef\xbb\xbf" + answer.body)),
    ),
    Unseen("compressed-twice", ("D12", "D16", "D22"), "bodies are compressed twice", _bytes(_zipped_twice)),
    Unseen(
        "comment-behind",
        ("D16",),
        "a comment of the server stands behind the body",
        _bytes(lambda answer: replace(answer, body=answer.body + b"\n<!-- 12 ms -->")),
    ),
    Unseen(
        "guard-in-front",
        ("D16",),
        "the body begins with a guard against scripts",
        _bytes(lambda answer: replace(answer, body=b")]}',\n" + answer.body)),
    ),
    Unseen("error-as-200", ("D5", "D19"), "an error comes with 200", _bytes(lambda answer: answer.with_value(_ERROR))),
    Unseen("limited-without-a-word", ("D22",), "429 long before the limit, without Retry-After", _limited),
    Unseen("unknown-id-to-the-start", ("D15", "D22"), "an unknown id redirects to /", _by_id(_to_the_start)),
)
"""Faults of upgrades, caches and gateways."""
