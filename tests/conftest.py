"""Which tests are no gate yet: `unsettled.txt` names them, and each run shows them as xfailed or xpassed."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
UNSETTLED = tuple(
    line for line in (HERE / "unsettled.txt").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A failure of an unsettled test is shown and does not end the run."""
    for item in items:
        if str(item.path.relative_to(HERE.parent)).startswith(UNSETTLED):
            item.own_markers = [mark for mark in item.own_markers if mark.name != "xfail"]
            item.add_marker(pytest.mark.xfail(reason="unsettled", strict=False))
