"""Releases of both layouts against changes that were read by hand: each is found in its place, with class and weight.

Reading a release of the second layout takes seconds, so that most pairs are compared by `pytest -m history` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.diff.conftest import Read
from whopwatch.contract_build.files import read_yaml
from whopwatch.diff.result import compare_sides

pytestmark = pytest.mark.thorough

KNOWN: list[dict[str, Any]] = read_yaml(Path(__file__).with_name("history.yaml"))
PAIRS = [
    pytest.param(
        entry, id=f"{entry['old']}-{entry['new']}", marks=() if entry.get("always") else (pytest.mark.history,)
    )
    for entry in KNOWN
]


@pytest.mark.parametrize("known", PAIRS)
def test_changes_read_by_hand_are_found_and_weighed(release: Read, known: dict[str, Any]) -> None:
    comparison = compare_sides(release(f"sdk:{known['old']}"), release(f"sdk:{known['new']}"))
    findings = [group.finding for group in comparison.places]
    told = {(it.operation, it.location, it.drift_class, str(it.severity)) for it in findings}
    missed = [change for change in known["changes"] if not told.intersection(_readings(*change))]
    assert missed == []
    places = {(it.operation, it.location) for it in findings}
    assert [place for place in known.get("unchanged", ()) if tuple(place) in places] == []


def _readings(operation: str, where: str, classes: str, severities: str) -> set[tuple[str, str, str, str]]:
    """Return the classes that may be reported for one change: several if the release text leaves them open."""
    weights = severities.split("|")
    kinds = classes.split("|")
    pairs = zip(kinds, weights * len(kinds) if len(weights) == 1 else weights, strict=False)
    return {(operation, where, kind, weight) for kind, weight in pairs}


def test_the_list_is_long_and_of_many_kinds() -> None:
    changes = [(*change, entry["old"]) for entry in KNOWN for change in entry["changes"]]
    assert len(changes) == len(set(changes)) > 200
    assert len({classes for _, _, classes, _, _ in changes}) > 12
