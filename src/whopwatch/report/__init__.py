"""Reports: one model, several outputs. A new output is one module here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from whopwatch.finding import Report
from whopwatch.report import json, junit, markdown, terminal

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "json": json.render,
    "junit": junit.render,
    "markdown": markdown.render,
    "terminal": terminal.render,
}

FILE_NAMES: Mapping[str, str] = {
    "json": "report.json",
    "junit": "junit.xml",
    "markdown": "report.md",
    "terminal": "report.txt",
}
"""What each output is called in a report folder."""

__all__ = ["FILE_NAMES", "RENDERERS"]
