"""What one night has seen of each operation: counts by place, and which traits each object had. No value is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from whopwatch.checks import Evidence
from whopwatch.checks.evidence import Answer
from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.core.exchange import Purpose
from whopwatch.history.describe import LENGTHS, SIZES, Digests, beginning, magnitude, size_class, traits
from whopwatch.history.layout import Layouts, Node, layouts_of
from whopwatch.history.rules import Rules

PLAIN = (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.RETRIEVE)
"""Requests whose answers nothing but the API chose: a filter would decide what is seen."""
PAGES = (10, 25, 50, 100)
"""Upper bounds of the classes of page sizes that are asked for: a limit cuts the greater ones only."""
VALUES = 64
"""Different values of one enum that are counted."""
SEEN, PRESENT, VALUE, LINK = "seen", "present", "value", "link"
MAGNITUDES = "magnitudes"
"""The kind of count that tells numbers by their power of ten."""

Trait = tuple[str, str]
"""A location and what is there: `("/data/*/title", "value")`."""
Unit = tuple[str, str]
"""One object: where it stands, and its digest."""


@dataclass
class Tally:
    """What was counted at one place, each kind by its own names: types, formats, lengths, documented values."""

    samples: int = 0
    present: int = 0
    nulls: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, kind: str, name: str) -> None:
        """Count one more of `name`; what comes after the first VALUES names is counted together."""
        counts = self.kinds[kind]
        counts[name if name in counts or len(counts) < VALUES else "others"] += 1


@dataclass
class Sight:
    """What was seen of one operation in one night."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    units: dict[Unit, set[Trait]] = field(default_factory=lambda: defaultdict(set))


def look(contract: Contract, evidence: Evidence, rules: Rules, digests: Digests) -> dict[str, Sight]:
    """What the success answers of one run show, by operation."""
    sights = {}
    for operation, answers in evidence.answers.items():
        viewer = _Viewer(layouts_of(contract), digests)
        for answer in answers:
            viewer.wire(answer, rules.headers)
            if answer.exchange.purpose in PLAIN:
                viewer.body(answer)
            if answer.operation.is_list:
                viewer.size(answer)
                if answer.exchange.purpose is Purpose.LIST:
                    viewer.order(answer)
        sights[operation] = viewer.sight
    return sights


class _Viewer:
    """Looks at the answers of one operation, at each object once."""

    def __init__(self, layouts: Layouts, digests: Digests) -> None:
        self.sight = Sight()
        self._layouts = layouts
        self._digests = digests
        self._met: set[bytes] = set()

    def wire(self, answer: Answer, watched: frozenset[str]) -> None:
        """Which of the watched headers came; every answer is a unit of its own."""
        had = self.sight.units["header", f"answer {answer.number}"]
        had.add(("header", "answered"))
        names = watched & {name for name, _ in answer.exchange.headers}
        had.update((f"header:{name}", "header") for name in names)

    def size(self, answer: Answer) -> None:
        """How full a page is that another one follows: by itself, or against the size asked for."""
        if answer.page_info.get("has_next_page") is not True or answer.exchange.query_value("last"):
            return
        asked, count = answer.exchange.query_value("first") or "", len(answer.items)
        kind = (
            f"to {min((bound for bound in PAGES if int(asked) <= bound), default='')}"
            if asked.isdecimal()
            else "default"
        )
        filled = "full" if asked == str(count) else str(count)
        had = self.sight.units["page", f"answer {answer.number}"]
        had.update([("param:first", f"asked:{kind}"), ("param:first", f"size:{kind}:{filled}")])

    def order(self, answer: Answer) -> None:
        """The order in which a plain list comes."""
        order = _order([item.get("created_at") for item in answer.items if isinstance(item, dict)])
        if order and not answer.exchange.query_value("order") and not answer.exchange.query_value("direction"):
            had = self.sight.units["page", f"answer {answer.number}"]
            had.update([("/data/*/created_at", "paged"), ("/data/*/created_at", f"order:{order}")])

    def body(self, answer: Answer) -> None:
        """Every documented field of every object that this night has not shown before."""
        layout = self._layouts.of(answer.operation)
        if answer.operation.is_list and isinstance(answer.value, dict):
            self._list(answer, layout)
        else:
            self._item(answer.value, layout, "")

    def _list(self, answer: Answer, layout: Node) -> None:
        _, data, _ = layout.children.get("data", ("", None, False))
        _, info, _ = layout.children.get("page_info", ("", None, False))
        if info:
            self._place(
                answer.value.get("page_info"), info, "/page_info", ("/page_info", f"answer {answer.number}"), ""
            )
        if data and data.items:
            self.sight.tallies["/data"].add("sizes", size_class(len(answer.items), SIZES))
            for item in answer.items:
                self._item(item, data.items, "/data/*")

    def _item(self, item: Any, node: Node, location: str) -> None:
        content = blake2b(repr(item).encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if content not in self._met:
            self._met.add(content)
            self._place(item, node, location, (location, self._digests.of(content.hex())), "")

    def _place(self, value: Any, node: Node, location: str, unit: Unit, name: str) -> None:
        """Count `value`, which stands at `location` in the object `unit` as its field `name`, and all that is in it."""
        tally = self.sight.tallies[location]
        tally.samples += 1
        tally.present += 1
        if value is None:
            tally.nulls += 1
            return
        had = self.sight.units[unit]
        had.add((location, VALUE))
        if "id" in node.children or name.endswith("_id"):
            had.add((location, LINK))
        for trait in self._count(tally, value, node, name):
            had.add((location, trait))
        if value.__class__ is dict:
            id = value.get("id")
            if isinstance(id, str) and id and "id" in node.children:
                unit = location, self._digests.of(id)
            self._fields(value, node, location, unit)
        elif value.__class__ is list and node.items:
            for item in value:
                self._place(item, node.items, f"{location}/*", unit, name)

    def _fields(self, value: Mapping[str, Any], node: Node, location: str, unit: Unit) -> None:
        had = self.sight.units[unit]
        for name, (step, child, optional) in node.children.items():
            place = location + step
            if optional or child.nullable:
                had.add((place, SEEN))
            if name not in value:
                self.sight.tallies[place].samples += 1
                continue
            if optional:
                had.add((place, PRESENT))
            self._place(value[name], child, place, unit, name)

    def _count(self, tally: Tally, value: Any, node: Node, name: str) -> list[str]:
        """Count one value by its kinds; returns its traits."""
        kind = json_type(value)
        tally.add("types", kind)
        if kind == "string":
            return self._text(tally, value, node, name)
        if kind == "array":
            tally.add("sizes", size_class(len(value), SIZES))
        elif kind in ("integer", "number"):
            tally.add("numbers", "zero" if not value else "negative" if value < 0 else "positive")
            if value:
                tally.add(MAGNITUDES, str(magnitude(value)))
        return traits(value)

    def _text(self, tally: Tally, value: str, node: Node, name: str) -> list[str]:
        tally.add("lengths", size_class(len(value), LENGTHS))
        if node.values:
            tally.add("values", value if value in node.values else f"#{self._digests.of(value)}")
            return []
        found = traits(value)
        if name == "id" or name.endswith(("_id", "_ids")):
            found += beginning(value, self._layouts.prefixes, self._digests)
        for trait in found:
            tally.add("formats", trait)
        return found


def _order(values: list[Any]) -> str | None:
    """`ascending`, `descending` or `mixed`; None where there is too little to tell."""
    times = [value for value in values if isinstance(value, str)]
    if len(times) < 3 or len(times) < len(values) or len(set(times)) < 2:
        return None
    if times == sorted(times):
        return "ascending"
    return "descending" if times == sorted(times, reverse=True) else "mixed"
