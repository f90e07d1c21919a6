"""Unseen faults of single fields, as from a serializer, a migration or a library upgrade."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks.detection.unseen.front import Answer, Ask, Twist, Upstream
from benchmarks.detection.unseen.place import Build, Place, Planted, Site, Unseen

Change = Callable[[Any], Any]


def on_success(change: Callable[[Any], Any], when: Callable[[Ask], bool] = lambda ask: True) -> Twist:
    """A twist that replaces the body of every success response by `change(body)`."""

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        return answer.with_value(change(answer.value)) if answer.ok and when(ask) else answer

    return twist


def at_a_field(fits: Callable[[Site], bool], change: Change, *, null: bool = False, rest: str = "") -> Build:
    """Apply `change` to one suitable field, in every item that has a value, or with `null` in every other one."""

    def build(place: Place) -> Planted | None:
        site = place.pick(lambda site: site.path[-1] != "*" and fits(site) and (site.nullable or not null))
        return Planted(on_success(changing(site, change, null)), site.location + rest) if site else None

    return build


def changing(site: Site, change: Change, null: bool) -> Change:
    """Return a body with `change` applied at `site` where there is a value, or with `null` where there is none."""

    def at(parent: Any, name: str) -> None:
        if (parent[name] is None) == null:
            parent[name] = change(parent[name])

    def body(value: Any) -> Any:
        site.change(value, at)
        return value

    return body


def _typed(*kinds: str) -> Callable[[Site], bool]:
    return lambda site: site.schema.get("type") in kinds and "enum" not in site.schema


def is_date(site: Site) -> bool:
    return site.schema.get("format") == "date-time"


def _is_enum(site: Site) -> bool:
    return len(site.schema.get("enum", ())) > 1 and site.schema.get("type", "string") == "string"


def _has_prefix(site: Site) -> bool:
    return bool(site.schema.get("x-id-prefix")) and site.path[-1] == "id"


def _has_id(site: Site) -> bool:
    return "id" in site.schema.get("properties", {})


def _speaks_of_no_text(site: Site) -> bool:
    return site.schema.get("type") in ("integer", "number", "boolean", "object") or _is_enum(site) or is_date(site)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _last_enum_value(place: Place) -> Planted | None:
    """Replace a rare value by an undocumented one."""
    site = place.pick(lambda site: _is_enum(site) and site.path[-1] != "*")
    if site is None:
        return None
    rare = site.schema["enum"][-1]

    def at(parent: Any, name: str) -> None:
        if parent[name] == rare:
            parent[name] = f"{rare}_v2"

    def body(value: Any) -> Any:
        site.change(value, at)
        return value

    return Planted(on_success(body), site.location)


def _camel_case(place: Place) -> Planted | None:
    site = place.pick(lambda site: "_" in site.path[-1])
    if site is None:
        return None
    head, *tail = site.path[-1].split("_")

    def at(parent: Any, name: str) -> None:
        parent[head + "".join(map(str.title, tail))] = parent.pop(name)

    def body(value: Any) -> Any:
        site.change(value, at)
        return value

    return Planted(on_success(body), site.location)


def _sparse(place: Place) -> Planted | None:
    """The effect of a serializer that omits null fields."""
    return Planted(on_success(_pruned)) if place.sites(lambda site: site.nullable) else None


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pruned(part) for name, part in value.items() if part is not None or name.endswith("_cursor")}
    return [_pruned(part) for part in value] if isinstance(value, list) else value


def _null_on_later_pages(place: Place) -> Planted | None:
    site = place.pick(lambda site: not site.nullable and len(site.path) == 3 and site.path[:2] == ("data", "*"))
    if site is None or not place.operation.is_list:
        return None

    def body(value: Any) -> Any:
        site.change(value, lambda parent, name: parent.update({name: None}))
        return value

    return Planted(on_success(body, lambda ask: ask.get("after") is not None), site.location)


FIELDS = (
    Unseen(
        "amount-with-separators",
        ("D7",),
        "a number becomes a string such as 1,234.50",
        at_a_field(_typed("number", "integer"), lambda value: f"{value:,.2f}"),
    ),
    Unseen(
        "null-as-word",
        ("D7", "D10", "D12"),
        "null becomes the text null",
        at_a_field(_speaks_of_no_text, lambda _: "null", null=True),
    ),
    Unseen(
        "empty-date-for-null",
        ("D12",),
        "a date that is null becomes an empty text",
        at_a_field(is_date, lambda _: "", null=True),
    ),
    Unseen(
        "date-with-blanks",
        ("D12",),
        "a date is written 2025-01-14 10:49:12 UTC",
        at_a_field(is_date, lambda text: _moment(text).strftime("%Y-%m-%d %H:%M:%S UTC")),
    ),
    Unseen("day-only", ("D12",), "a moment loses its time of day", at_a_field(is_date, lambda text: text[:10])),
    Unseen(
        "milliseconds-in-text",
        ("D12",),
        "a moment becomes its milliseconds since 1970, as text",
        at_a_field(is_date, lambda text: str(int(_moment(text).timestamp() * 1000))),
    ),
    Unseen("enum-in-capitals", ("D10",), "an enum's values come in capitals", at_a_field(_is_enum, str.upper)),
    Unseen("rare-enum-value", ("D10",), "one value of an enum gets another name", _last_enum_value),
    Unseen(
        "global-id",
        ("D12",),
        "an id becomes the Base64 of a longer one",
        at_a_field(_has_prefix, lambda text: base64.b64encode(f"gid://whop/{text}".encode()).decode()),
    ),
    Unseen(
        "bare-id", ("D12",), "an id loses its prefix", at_a_field(_has_prefix, lambda text: text.rpartition("_")[2])
    ),
    Unseen("id-as-number", ("D7",), "an id becomes a number", at_a_field(_has_prefix, lambda text: sum(text.encode()))),
    Unseen(
        "object-to-id",
        ("D7",),
        "an embedded object shrinks to its id",
        at_a_field(_has_id, lambda part: part["id"]),
    ),
    Unseen(
        "array-to-map",
        ("D7",),
        "an array becomes an object with its positions for names",
        at_a_field(
            lambda site: "items" in site.schema and len(site.path) > 1,
            lambda items: {str(index): item for index, item in enumerate(items)},
        ),
    ),
    Unseen(
        "array-with-null",
        ("D7", "D9"),
        "an array ends with a null",
        at_a_field(lambda site: "items" in site.schema and len(site.path) > 1, lambda items: [*items, None], rest="/*"),
    ),
    Unseen(
        "yes-and-no",
        ("D7",),
        "true and false become words",
        at_a_field(_typed("boolean"), lambda value: "yes" if value else "no"),
    ),
    Unseen("camel-case", ("D5",), "a field's name changes its case", _camel_case),
    Unseen("sparse", ("D4", "D5", "D6"), "whatever is null is left out", _sparse),
    Unseen("null-on-later-pages", ("D9",), "a field is null in items beyond the first page", _null_on_later_pages),
)
"""Faults of single fields."""
