from __future__ import annotations

import pytest

from whopwatch.sync.move import without_entries

TEXT = """\
# Kept.
list:
  # About one.
  - name: one
    inner: [1, 2]

  # About two.
  - {name: two}
  - name: three
    text: >-
      folded
      lines
# At the end.
rest: 1
"""


@pytest.mark.parametrize(
    ("dropped", "gone"),
    [
        (1, "  - name: one\n    inner: [1, 2]\n"),
        (2, "  - {name: two}\n"),
        (3, "  - name: three\n    text: >-\n      folded\n      lines\n"),
    ],
)
def test_an_entry_is_taken_out_and_all_else_stays(dropped: int, gone: str) -> None:
    assert without_entries(TEXT, "list", lambda number, _: number != dropped) == TEXT.replace(gone, "")


def test_entries_are_known_by_what_they_hold() -> None:
    left = without_entries(TEXT, "list", lambda _, entry: entry["name"] == "two")
    assert "{name: two}" in left
    assert "name: one" not in left
