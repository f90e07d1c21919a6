"""Idle and slow connections to every server lose nothing: neither deliveries, nor scheduled runs, nor metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load import run

pytestmark = pytest.mark.thorough


def test_servers_work_beside_idle_and_slow_connections(tmp_path: Path) -> None:
    found = run(connections=150, deliveries=40, folder=tmp_path)
    assert found.is_held, found
