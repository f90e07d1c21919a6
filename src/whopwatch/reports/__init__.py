"""Reports: one model, several formats. A new format is one module with `render`, and one row here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module

from whopwatch.core.report import Report

FILE_NAMES: Mapping[str, str] = {
    "chat": "message.md",
    "html": "report.html",
    "json": "report.json",
    "junit": "junit.xml",
    "markdown": "report.md",
    "sarif": "report.sarif",
    "terminal": "report.txt",
}
"""The name of each format in a report folder. A format is the module of the same name, but for json."""


def render(kind: str, report: Report) -> str:
    """Return `report` in the format `kind`, a key of `FILE_NAMES`."""
    if kind == "json":
        return to_json_text(report)
    text: str = import_module(f"whopwatch.reports.{kind}").render(report)  # only the wanted one: html is slow to import
    return text


def to_json_text(report: Report) -> str:
    """Return the JSON report, schema 1. Its keys are a promise."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=True) + "\n"
