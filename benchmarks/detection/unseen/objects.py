"""Unseen faults of single objects compared with their lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from benchmarks.detection.unseen.fields import on_success
from benchmarks.detection.unseen.front import Answer, Ask, Upstream
from benchmarks.detection.unseen.place import Build, Place, Planted, Site, Unseen


def is_retrieve(place: Place) -> bool:
    lists = {operation.resource for operation in place.contract.lists if operation.path.count("{") == 0}
    plain = place.operation.path == f"/{place.operation.resource}/{{id}}"
    return plain and place.operation.is_read and place.operation.resource in lists


def retrieved(fits: Callable[[Site], bool], change: Callable[[Any, Site], Any]) -> Build:
    """Apply `change` to a field that the list also shows."""

    def build(place: Place) -> Planted | None:
        if not is_retrieve(place):
            return None
        shown = _listed(place)
        site = place.pick(lambda site: len(site.path) == 1 and site.path[0] in shown and fits(site))
        if site is None:
            return None

        def at(parent: Any, name: str) -> None:
            if parent[name] is not None:
                parent[name] = change(parent[name], site)

        def body(value: Any) -> Any:
            site.change(value, at)
            return value

        return Planted(on_success(body), site.location)

    return build


def _listed(place: Place) -> frozenset[str]:
    lister = place.contract.operations.get(f"{place.operation.resource}.list")
    if lister is None:
        return frozenset()
    sites = replace(place, operation=lister).sites(lambda site: len(site.path) == 3)
    return frozenset(site.path[-1] for site in sites)


def _next_value(value: Any, site: Site) -> Any:
    values = site.schema["enum"]
    return values[(values.index(value) + 1) % len(values)] if value in values else value


def _later(value: Any, _: Site) -> Any:
    moment = datetime.fromisoformat(value) + timedelta(hours=1)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_text(site: Site) -> bool:
    plain = site.schema.get("type") == "string" and "enum" not in site.schema and "format" not in site.schema
    return plain and "x-resource" not in site.schema and "x-id-prefix" not in site.schema


def _is_amount(site: Site) -> bool:
    return site.schema.get("type") == "number"


def _previous(place: Place) -> Planted | None:
    """Each request gets the object of the previous request."""
    if not is_retrieve(place):
        return None
    before: list[Answer] = []

    async def twist(ask: Ask, upstream: Upstream) -> Answer:
        answer = await upstream(ask)
        if not answer.ok:
            return answer
        before.append(answer)
        return before[-2] if len(before) > 1 else answer

    return Planted(twist)


OBJECTS = (
    Unseen(
        "cents-when-retrieved",
        ("D12", "D20"),
        "an amount is a hundred times what the list says",
        retrieved(_is_amount, lambda value, _: value * 100),
        (43,),
    ),
    Unseen(
        "another-state-when-retrieved",
        ("D20",),
        "an enum has another value than in the list",
        retrieved(lambda site: len(site.schema.get("enum", ())) > 1, _next_value),
        (43,),
    ),
    Unseen(
        "an-hour-later-when-retrieved",
        ("D12", "D20"),
        "a moment is an hour later than in the list",
        retrieved(lambda site: site.schema.get("format") == "date-time", _later),
        (43,),
    ),
    Unseen(
        "cut-when-retrieved",
        ("D20",),
        "a string ends after four characters",
        retrieved(is_text, lambda value, _: value[:4]),
        (43,),
    ),
    Unseen("the-one-before", ("D20",), "a retrieve answers with the object asked for before", _previous, (43,)),
)
"""Faults of single objects."""
