"""Profile the responses of one night: counts by field, and the traits of each object. No value is kept."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from math import floor, log10
from typing import Any

from whopwatch.checks import Evidence
from whopwatch.checks.evidence import SuccessResponse
from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.contract.schema_tree import ContractSchemas, SchemaNode, schemas_of
from whopwatch.core.exchange import Purpose
from whopwatch.core.pointers import escape_pointer

UNFILTERED = (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.RETRIEVE)
"""Requests whose response content the API alone decides. A filter would bias the counts."""
PAGE_SIZES = (10, 25, 50, 100)
"""Upper bounds of the classes of requested page sizes: a lower maximum cuts the larger ones only."""
TEXT_LENGTHS = (0, 8, 32, 128, 1024)
"""Upper bounds of the classes of a string's length, in characters."""
ARRAY_SIZES = (0, 1, 10, 100)
"""Upper bounds of the classes of an array's size."""
MAX_NAMES = 64
"""Different names of one kind that are counted one by one; further ones are counted as `others`."""
SEEN, PRESENT, VALUE, LINK = "seen", "present", "value", "link"
MAGNITUDES = "magnitudes"
"""The kind of count that counts numbers by their power of ten."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ID = re.compile(r"([a-z][a-z0-9]{0,11}(?:_[a-z]{1,8})?_)[A-Za-z0-9]{6,64}")
_DECIMAL = re.compile(r"-?\d{1,18}\.(\d{1,9})")

Trait = tuple[str, str]
"""A location and a property of what is there: `("/data/*/title", "value")` for "is not null"."""
ObjectRef = tuple[str, str]
"""One object: its location, and a digest of its id or content."""


class Digests:
    """Keyed digests: equal strings have equal digests within one baseline, and different ones in another."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def of(self, text: str) -> str:
        """Return 12 hex digits."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6, key=self._salt).hexdigest()


@dataclass
class FieldCounts:
    """The counts of one location. `kinds` counts by kind and name: types, formats, lengths, documented values."""

    samples: int = 0
    present: int = 0
    nulls: int = 0
    kinds: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, kind: str, name: str) -> None:
        """Count one more `name`; after MAX_NAMES names, new ones are counted as `others`."""
        counts = self.kinds[kind]
        counts[name if name in counts or len(counts) < MAX_NAMES else "others"] += 1


@dataclass
class OperationProfile:
    """What one night's responses of one operation showed: counts by location, traits by object."""

    tallies: dict[str, FieldCounts] = field(default_factory=lambda: defaultdict(FieldCounts))
    objects: dict[ObjectRef, set[Trait]] = field(default_factory=lambda: defaultdict(set))


def profile_answers(
    contract: Contract, evidence: Evidence, headers: frozenset[str], digests: Digests
) -> dict[str, OperationProfile]:
    """Return the profile of each operation's success responses. `headers` are the names whose presence is counted."""
    profiles = {}
    for operation, answers in evidence.responses.items():
        profiler = _Profiler(schemas_of(contract), digests)
        for answer in answers:
            profiler.add_headers(answer, headers)
            if answer.exchange.purpose in UNFILTERED:
                profiler.add_body(answer)
            if answer.operation.is_list:
                profiler.add_page_size(answer)
                if answer.exchange.purpose is Purpose.LIST:
                    profiler.add_order(answer)
        profiles[operation] = profiler.profile
    return profiles


class _Profiler:
    """Builds the profile of one operation; each object is counted once."""

    def __init__(self, schemas: ContractSchemas, digests: Digests) -> None:
        self.profile = OperationProfile()
        self._schemas = schemas
        self._digests = digests
        self._counted: set[bytes] = set()

    def add_headers(self, answer: SuccessResponse, watched: frozenset[str]) -> None:
        """Record which watched headers came. Each response is an object of its own."""
        had = self.profile.objects["header", f"answer {answer.index}"]
        had.add(("header", "answered"))
        names = watched & {name for name, _ in answer.exchange.headers}
        had.update((f"header:{name}", "header") for name in names)

    def add_page_size(self, answer: SuccessResponse) -> None:
        """Record the size of a page that has a successor: the default size, or the size relative to `first`."""
        if answer.page.page_info.get("has_next_page") is not True or answer.exchange.query_value("last"):
            return
        requested, count = answer.exchange.query_value("first") or "", len(answer.items)
        kind = (
            f"to {min((bound for bound in PAGE_SIZES if int(requested) <= bound), default='')}"
            if requested.isdecimal()
            else "default"
        )
        filled = "full" if requested == str(count) else str(count)
        had = self.profile.objects["page", f"answer {answer.index}"]
        had.update([("param:first", f"asked:{kind}"), ("param:first", f"size:{kind}:{filled}")])

    def add_order(self, answer: SuccessResponse) -> None:
        """Record the order of a list that was requested without `order` and `direction`."""
        order = _order([item.get("created_at") for item in answer.items if isinstance(item, dict)])
        if order and not answer.exchange.query_value("order") and not answer.exchange.query_value("direction"):
            had = self.profile.objects["page", f"answer {answer.index}"]
            had.update([("/data/*/created_at", "paged"), ("/data/*/created_at", f"order:{order}")])

    def add_body(self, answer: SuccessResponse) -> None:
        """Count every documented field of every object that was not counted before on this night."""
        tree = self._schemas.of(answer.operation)
        if answer.operation.is_list and isinstance(answer.value, dict):
            self._list(answer, tree)
        else:
            self._item(answer.value, tree, "")

    def _list(self, answer: SuccessResponse, tree: SchemaNode) -> None:
        data, info = tree.fields.get("data"), tree.fields.get("page_info")
        if info:
            page = "/page_info", f"answer {answer.index}"
            self._value(answer.value.get("page_info"), info, "/page_info", page, "")
        if data and data.items:
            self.profile.tallies["/data"].add("sizes", size_class(len(answer.items), ARRAY_SIZES))
            for item in answer.items:
                self._item(item, data.items, "/data/*")

    def _item(self, item: Any, node: SchemaNode, location: str) -> None:
        content = blake2b(repr(item).encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if content not in self._counted:
            self._counted.add(content)
            self._value(item, node, location, (location, self._digests.of(content.hex())), "")

    def _value(self, value: Any, node: SchemaNode, location: str, owner: ObjectRef, name: str) -> None:
        """Count `value`, the field `name` of the object `owner` at `location`, and everything in it."""
        tally = self.profile.tallies[location]
        tally.samples += 1
        tally.present += 1
        if value is None:
            tally.nulls += 1
            return
        had = self.profile.objects[owner]
        had.add((location, VALUE))
        if "id" in node.fields or name.endswith("_id"):
            had.add((location, LINK))
        for trait in self._count(tally, value, node, name):
            had.add((location, trait))
        if value.__class__ is dict:
            id = value.get("id")
            if isinstance(id, str) and id and "id" in node.fields:
                # The same object keeps its id when other fields change, so that what it loses can be noticed.
                owner = location, self._digests.of(id)
            self._fields(value, node, location, owner)
        elif value.__class__ is list and node.items:
            for item in value:
                self._value(item, node.items, f"{location}/*", owner, name)

    def _fields(self, value: Mapping[str, Any], node: SchemaNode, location: str, owner: ObjectRef) -> None:
        had = self.profile.objects[owner]
        for name, child in node.fields.items():
            place, optional = f"{location}/{_escaped(name)}", name not in node.required
            if optional or child.nullable:
                had.add((place, SEEN))
            if name not in value:
                self.profile.tallies[place].samples += 1
                continue
            if optional:
                had.add((place, PRESENT))
            self._value(value[name], child, place, owner, name)

    def _count(self, tally: FieldCounts, value: Any, node: SchemaNode, name: str) -> list[str]:
        """Count one value by its kinds. Returns its traits."""
        kind = json_type(value)
        tally.add("types", kind)
        if kind == "string":
            return self._text(tally, value, node, name)
        if kind == "array":
            tally.add("sizes", size_class(len(value), ARRAY_SIZES))
        elif kind in ("integer", "number"):
            tally.add("numbers", "zero" if not value else "negative" if value < 0 else "positive")
            if value:
                tally.add(MAGNITUDES, str(magnitude(value)))
        return value_traits(value)

    def _text(self, tally: FieldCounts, value: str, node: SchemaNode, name: str) -> list[str]:
        tally.add("lengths", size_class(len(value), TEXT_LENGTHS))
        if node.known_values:
            tally.add("values", value if value in node.known_values else f"#{self._digests.of(value)}")
            return []
        found = value_traits(value)
        if name == "id" or name.endswith(("_id", "_ids")):
            found += id_prefix_trait(value, self._schemas.prefixes, self._digests)
        for trait in found:
            tally.add("formats", trait)
        return found


_escaped = lru_cache(maxsize=4096)(escape_pointer)


def _order(values: list[Any]) -> str | None:
    """Return `ascending`, `descending` or `mixed`; None if fewer than three timestamps are comparable."""
    times = [value for value in values if isinstance(value, str)]
    if len(times) < 3 or len(times) < len(values) or len(set(times)) < 2:
        return None
    if times == sorted(times):
        return "ascending"
    return "descending" if times == sorted(times, reverse=True) else "mixed"


def value_traits(value: Any) -> list[str]:
    """Return the traits of a value that is not null, each `kind` or `kind:detail`. They hold no part of the value."""
    if isinstance(value, str):
        return [*_filled(value), *_format_traits(value)]
    if isinstance(value, bool):
        return []
    if isinstance(value, int | float):
        return ["fraction"] if value % 1 else []
    return _filled(value)


def _filled(value: Any) -> list[str]:
    return ["filled"] if value else []


def _format_traits(text: str) -> list[str]:
    # Times and decimals begin with a digit or a sign; this spares three patterns for every other string.
    if not text or not (text[0].isdigit() or text[0] == "-"):
        return []
    if match := _TIME.fullmatch(text):
        zone = match[2] if match[2] in ("Z", "+00:00") else "offset"
        return [f"time:{_time_precision(match[1])}{zone}"]
    if _DATE.fullmatch(text):
        return ["time:date"]
    if match := _DECIMAL.fullmatch(text):
        return [f"decimals:{len(match[1])}"]
    return []


def _time_precision(fraction: str | None) -> int:
    """Return 0, 3, 6 or 9 decimals. Trailing zeros may be left out, so that `.12` counts as milliseconds."""
    return 0 if fraction is None else 3 * ((len(fraction) + 2) // 3)


def id_prefix_trait(value: Any, documented: Collection[str], digests: Digests) -> list[str]:
    """Return the trait of an id's prefix, if it has one. An undocumented prefix is kept as a digest."""
    match = _ID.fullmatch(value) if isinstance(value, str) else None
    return [f"prefix:{match[1] if match[1] in documented else '#' + digests.of(match[1])}"] if match else []


def magnitude(value: float) -> int:
    """Return the power of ten of a number that is not 0: 1 for 10 to 99. Infinity and NaN have 999."""
    try:
        return floor(log10(abs(value)))
    except (OverflowError, ValueError):
        return 999


def size_class(size: int, bounds: tuple[int, ...]) -> str:
    """Return the class of a length or size: `0`, `1-8`, ..., `1025+`."""
    low = 0
    for bound in bounds:
        if size <= bound:
            return f"{low}-{bound}" if low < bound else str(bound)
        low = bound + 1
    return f"{low}+"
