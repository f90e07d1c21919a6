"""Each output of each kind of report, as it was read and approved.

After a change on purpose: `python -m tests.reports.test_golden` writes them anew; read the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.reports import nights, samples
from whopwatch.core.report import Report
from whopwatch.core.wording import DOCUMENTATION_VARIABLE
from whopwatch.reports import FILE_NAMES, render
from whopwatch.reports.terminal import render as terminal

GOLDEN = Path(__file__).parent / "golden"
REPORTS = {
    "drift": samples.report(),
    "clean": samples.clean(),
    "refused": samples.refused(),
    "night": nights.bad_night(),
}


def rendered(name: str, report: Report) -> dict[str, str]:
    """The golden files of one report: file name -> text."""
    texts = {f"{name}.{FILE_NAMES[kind].removeprefix('report.')}": render(kind, report) for kind in FILE_NAMES}
    texts[f"{name}.html"] = _without_assets(texts[f"{name}.html"])
    return {**texts, f"{name}.80.txt": terminal(report, width=80)}


def _without_assets(page: str) -> str:
    """The page without its style and script, which are files of their own, and without their digests."""
    page = re.sub(r"<(style|script)>.*?</\1>", r"<\1></\1>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-...", page)


with patch.dict(os.environ, {DOCUMENTATION_VARIABLE: "https://whopwatch.example"}):
    CASES = {file: text for name, report in REPORTS.items() for file, text in rendered(name, report).items()}


@pytest.mark.parametrize("file", CASES)
def test_output_is_the_one_that_was_looked_at(file: str) -> None:
    assert (GOLDEN / file).read_text(encoding="utf-8") == CASES[file]


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(CASES)


if __name__ == "__main__":
    for file, text in CASES.items():
        (GOLDEN / file).write_text(text, encoding="utf-8")
