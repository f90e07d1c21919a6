"""Which changes of a release the data of a simulator show."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.live_history import Replay, is_shown
from whopwatch.diff.change import Change, Placed
from whopwatch.diff.model import Direction

PAGE = {"data": [{"id": "a", "kind": "new", "note": None}, {"id": "b", "kind": "old", "note": "x", "size": 1}]}


@pytest.mark.parametrize(
    ("drift_class", "movement", "name", "observed", "shown"),
    [
        ("D5", "removed", "size", "absent", True),
        ("D5", "removed", "id", "absent", False),
        ("D9", "widened", "note", "nullable", True),
        ("D9", "widened", "kind", "nullable", False),
        ("D10", "added", "kind", "new, newer", True),
        ("D10", "added", "kind", "newest", False),
        ("D19", "added", "size", "optional, integer", True),
        ("D19", "added", "weight", "optional, integer", False),
        ("D7", "replaced", "size", "string", True),
        ("D1", "removed", "size", "absent", True),
    ],
)
def test_a_change_is_shown_if_an_object_has_it(
    drift_class: str, movement: Any, name: str, observed: str, shown: bool
) -> None:
    change = Change(drift_class, movement, "", "", observed)
    placed = Placed("cats.list", f"/data/*/{name}", Direction.RECEIVED, change)
    assert is_shown(placed, Replay((), {"cats.list": [PAGE]}, frozenset({"cats.list"}))) is shown


@pytest.mark.parametrize("requested", [True, False])
def test_a_removed_operation_is_shown_if_it_can_be_requested(requested: bool) -> None:
    placed = Placed("cats.list", "path", Direction.SENT, Change("D1", "removed", "", "GET /cats", "absent"))
    assert is_shown(placed, Replay((), {}, frozenset({"cats.list"} if requested else ()))) is requested
