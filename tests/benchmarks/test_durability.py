"""Kills, two writers, a full disk and a wrong clock lose nothing that a run finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.durability import cases
from whopwatch.simulator import embedded

pytestmark = pytest.mark.thorough


def test_nothing_finished_is_lost(tmp_path: Path) -> None:
    with embedded() as api:
        found = list(cases(api, tmp_path, kill_count=2))
    assert len(found) == 8
    assert [one for one in found if not one.holds] == []
