"""The words of every pair of the exam, and what changed between the two bundled editions, as `words/*.txt` have them.

After a change on purpose: `python -m tests.diff.test_words` writes them anew; read the diff.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.diff.test_pairs import compared, document, entries, with_schema
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side

FOLDER = Path(__file__).with_name("words")
SHOWN = ("products", "promo_codes", "checkout_configurations", "webhook:membership", "schema:Product", "schema:Plan")


@cache
def editions(old: str, new: str) -> Comparison:
    return compare_sides(read_side(old, FOLDER), read_side(new, FOLDER))


def sentences(comparison: Comparison) -> Iterator[str]:
    for one in comparison.changes:
        suspected = "" if one.finding.confidence == "confirmed" else f" ({one.finding.confidence})"
        yield f"{one.finding.message}{suspected}"


def schemas() -> Iterator[str]:
    """Yield the sentences about each pair of schemas, in a response."""
    for entry in entries("values", "structures", "keywords"):
        sides = (with_schema(entry[name], "received") for name in ("old", "new"))
        yield from (f"{entry['id']}: {text}" for text in sentences(compared(*sides)))


def documents() -> Iterator[str]:
    """Yield the sentences about each pair of documents."""
    for entry in entries("operations", "documents"):
        sides = (document(entry.get(name, {})) for name in ("old", "new"))
        yield from (f"{entry['id']}: {text}" for text in sentences(compared(*sides)))


def counts(old: str, new: str) -> Iterator[str]:
    """Yield how many changes and places there are of each kind, then some changes in words."""
    comparison = editions(old, new)
    yield f"{len(comparison.changes)} changes in {len(comparison.places)} places, {len(comparison.gaps)} not compared"
    kinds: Counter[tuple[Any, ...]] = Counter()
    for change in comparison.changes:
        finding, placed = change.finding, change.placed
        kinds[finding.drift_class, placed.change.movement, finding.severity, finding.confidence, change.cause.kind] += 1
    yield from (f"{count} {' '.join(kind)}" for kind, count in sorted(kinds.items()))
    for change in comparison.changes:
        if change.cause.is_wide or change.finding.operation.startswith(SHOWN):
            yield f"{change.finding.severity}: {change.finding.message}, in {len(change.places)} places"
    yield from sorted({f"not compared: {gap.keyword}" for gap in comparison.gaps})


TEXTS: dict[str, Callable[[], Iterator[str]]] = {
    "schemas": schemas,
    "documents": documents,
    "editions": lambda: counts("2025-01-01", "2026-10-15-1"),
    "editions-backward": lambda: counts("2026-10-15-1", "2025-01-01"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_a_comparison(name: str) -> None:
    assert list(TEXTS[name]()) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_the_json_report_of_a_comparison() -> None:
    comparison = compared(document({}), document({"op": {"deprecated": True, "responses": {"202": {}}}}))
    shown = comparison.to_json("1.2.3")
    assert {name: shown[name] for name in shown if name not in ("findings", "groups")} == {
        "schema": 1,
        "tool": "whopwatch",
        "version": "1.2.3",
        "old": "old",
        "new": "new",
        "verdict": "drift",
        "classes": {"D14": 1, "D21": 1},
        "changes": 2,
        "places": 2,
        "not_compared": [],
    }
    assert shown["findings"] == shown["groups"]
    assert [(one["movement"], one["side"], one["cause"], one["relation"]) for one in shown["findings"]] == [
        ("added", "request", "change", None),
        ("added", "response", "change", None),
    ]
    renamed = editions("2025-01-01", "2026-10-15-1").changes
    relation = next(one.to_json()["relation"] for one in renamed if one.placed.change.relation)
    assert relation.keys() == {"kind", "other"}


if __name__ == "__main__":
    for name, made in TEXTS.items():
        (FOLDER / f"{name}.txt").write_text("".join(f"{text}\n" for text in made()), encoding="utf-8")
