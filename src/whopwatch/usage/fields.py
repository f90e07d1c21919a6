"""Compare what code reads with what the API returned: fields that no sample had, and enum values without a branch."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch import __version__
from whopwatch.config.resolve import base_urls
from whopwatch.config.targets_file import BUILT_IN
from whopwatch.contract import Contract
from whopwatch.core.pointers import pointer_steps
from whopwatch.har import Archive, recover
from whopwatch.usage.profile import Profile, place_order

PAGE_ITEMS = "/data/*"
"""The location of the items of a page."""

Samples = dict[str, Counter[str]]
"""By operation: how many values there were at each location, `` for whole responses."""


@dataclass(frozen=True, slots=True)
class NeverSeen:
    """A field that the code reads and none of `samples` items or responses had, and where it is read."""

    operation: str
    location: str
    samples: int
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unhandled:
    """Documented enum values that branches without a default do not handle."""

    operation: str
    location: str
    place: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldsReport:
    """What the code reads in vain and does not handle. `without_samples` are used operations that had no response."""

    never_seen: tuple[NeverSeen, ...]
    unhandled: tuple[Unhandled, ...]
    without_samples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report, schema 1."""
        return {
            "schema": 1,
            "tool": "whopwatch",
            "kind": "fields",
            "version": __version__,
            "never_seen": [
                {"operation": one.operation, "location": one.location, "samples": one.samples, "places": [*one.places]}
                for one in self.never_seen
            ],
            "unhandled": [
                {"operation": one.operation, "location": one.location, "place": one.place, "values": [*one.values]}
                for one in self.unhandled
            ],
            "without_samples": [*self.without_samples],
        }


def compare_fields(profile: Profile, contract: Contract, samples: Samples | None) -> FieldsReport:
    """Return what the code of `profile` reads in vain and does not handle; without samples, only the latter."""
    never: list[NeverSeen] = []
    without: list[str] = []
    used = [id for id in sorted(profile.operations) if id in contract.operations] if samples is not None else []
    for id in used:
        found = (samples or {}).get(id, Counter())
        if not found[""]:
            without.append(id)
            continue
        for location, use in sorted(profile.operations[id].fields.items()):
            is_item = contract.operations[id].is_list and location.startswith(f"{PAGE_ITEMS}/")
            count = found[PAGE_ITEMS if is_item else ""]
            if location.startswith("/") and count and not found[location]:
                never.append(NeverSeen(id, location, count, tuple(sorted(use.places, key=place_order))))
    unhandled = [Unhandled(*key, values) for key, values in sorted(profile.unhandled.items())]
    return FieldsReport(tuple(never), tuple(unhandled), tuple(without))


def samples_of_recording(archive: Archive, contract: Contract, profile: Profile) -> Samples:
    """Count the values that the successful responses in a HAR file have where the code of `profile` reads fields."""
    bases = [base_urls(name) for name in BUILT_IN]
    if archive.facts:
        bases = [(archive.facts.base_url, archive.facts.v2_base_url)]
    pairs = [pair for v1, v2 in bases for pair in (("v1", v1), ("v2", v2))]
    samples: Samples = defaultdict(Counter)
    for exchange in recover(contract, archive, pairs).exchanges:
        use = profile.operations.get(exchange.operation)
        if use is None or exchange.status is None or not 200 <= exchange.status < 300:
            continue
        value, problem = exchange.parsed  # the bytes of a large body are gone
        if problem is None:
            for location in {"", PAGE_ITEMS, *(name for name in use.fields if name.startswith("/"))}:
                samples[exchange.operation][location] += _count(value, pointer_steps(location))
    return samples


def _count(value: Any, steps: list[str]) -> int:
    """Return how many values there are at `steps` below `value`; null is a value."""
    values = [value]
    for step in steps:
        if step == "*":
            values = [item for one in values if isinstance(one, list) for item in one]
        else:
            values = [one[step] for one in values if isinstance(one, dict) and step in one]
    return len(values)


def samples_of_tallies(
    tallies: Mapping[tuple[str, str], Mapping[str, Mapping[str, int]]], profile: Profile, contract: Contract
) -> Samples:
    """Count from the tallies of a baseline the values that there were where the code of `profile` reads fields.

    A field that the contract of the baseline does not document was not counted: it counts as seen.
    """
    samples: Samples = defaultdict(Counter)

    def seen(id: str, location: str, kind: str = "present") -> int:
        return tallies.get((id, location), {}).get("seen", {}).get(kind, 0)

    def is_uncounted(id: str, location: str) -> bool:
        while location:
            above = location.rpartition("/")[0]
            is_field = not location.endswith("/*") and (id, location) not in tallies
            if is_field and seen(id, above) > seen(id, above, "nulls"):
                return True
            location = above
        return False

    for id, use in profile.operations.items():
        operation = contract.operations.get(id)
        pages = sum(tallies.get((id, "/data"), {}).get("sizes", {}).values())
        is_list = operation is not None and operation.is_list
        samples[id][""] = pages if is_list else seen(id, "")
        for location in {PAGE_ITEMS, *use.fields}:
            samples[id][location] = 1 if is_uncounted(id, location) else seen(id, location)
        if is_list:
            samples[id]["/data"] = pages
            samples[id]["/page_info"] = pages
    return samples
